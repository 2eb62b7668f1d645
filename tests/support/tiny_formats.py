"""Tiny tokenizers like those of published bases, with their special tokens, and model folders with a chat
template of their own."""

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from factory.chat_formats.formats import FORMATS

CHATML = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LLAMA = [*FORMATS["llama3"].control_tokens]
MISTRAL = [token for token in FORMATS["mistral"].control_tokens if token != "[ARGS]"]
GEMMA = ["<eos>", *FORMATS["gemma"].needed_tokens]


def by_bytes() -> Tokenizer:
    """As GPT-2's, Llama 3's, Qwen's and Mistral's later ones; every byte a token."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    made = Tokenizer(models.BPE(vocab={letter: place for place, letter in enumerate(letters)}, merges=[]))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.decoder = decoders.ByteLevel()
    return made


def by_words() -> Tokenizer:
    """As SentencePiece's in Mistral 7B: a space before the first word of whatever is given; unknown
    characters as bytes."""
    letters = sorted({chr(code) for code in range(32, 127)} | {"\n", "▁"})
    pieces = [("<unk>", 0.0), *((f"<0x{code:02X}>", -9.0) for code in range(256))]
    made = Tokenizer(models.Unigram([*pieces, *((letter, -1.0) for letter in letters)], 0, True))
    made.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always", split=False)
    made.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Strip(content=" ", left=1),
        ]
    )
    return made


def tokenizer(special: list[str], end: str, *, made: Tokenizer | None = None) -> Any:
    """Return a tokenizer with these special tokens, whose texts end with `end`."""
    made = made or by_bytes()
    made.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in special])
    return PreTrainedTokenizerFast(tokenizer_object=made, eos_token=end, pad_token=end)


def llama_like() -> Any:
    return tokenizer(LLAMA, "<|end_of_text|>")


def mistral_like(*, words: bool = False) -> Any:
    """As Nemo's, or `words`: as Mistral 7B's."""
    return tokenizer(MISTRAL, "</s>", made=by_words() if words else None)


def base_folder(folder: Path, special: list[str], template: str | None, **settings: Any) -> Path:
    """Write what of a base is read before anything is loaded: its tokenizer, and its chat template."""
    tokenizer(special, special[0]).save_pretrained(folder)
    if template is not None:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    return folder


# Templates of bases' own, each in a way that is common: the end of text after each answer; a system role and
# tools with calls in tags; bare JSON calls, one a turn; a list of calls.
PLAIN = """{%- for message in messages %}
{%- if message.role == 'tool' or message.tool_calls %}{{- raise_exception('no tools') }}{%- endif %}
{{- '<|' + message.role + '|>\\n' + message.content + eos_token + '\\n' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|assistant|>\\n' }}{%- endif %}"""
TAGS = """{%- if tools %}{{- '<|sys|>Tools:' }}{%- for tool in tools %}{{- '\\n' + (tool | tojson) }}
{%- endfor %}{{- '<|end|>' }}{%- endif %}
{%- for message in messages %}
{%- if message.role == 'tool' %}{{- '<|tool|>' + message.content + '<|end|>' }}
{%- else %}{{- '<|' + message.role + '|>' + message.content }}
{%- for call in message.tool_calls or [] %}
{{- '\\n<tool_call>\\n' }}{{- {'name': call.function.name, 'arguments': call.function.arguments} | tojson }}
{{- '\\n</tool_call>' }}{%- endfor %}{{- '<|end|>' }}{%- endif %}{%- endfor %}
{%- if add_generation_prompt %}{{- '<|assistant|>' }}{%- endif %}"""
BARE = """{%- for message in messages %}{{- '[' + message.role + ']' }}
{%- if message.tool_calls %}
{%- if message.tool_calls | length != 1 %}{{- raise_exception('one call at a time') }}{%- endif %}
{%- set call = message.tool_calls[0].function %}
{{- '{"name": "' + call.name + '", ' }}{{- '"parameters": ' + (call.arguments | tojson) + '}' }}
{%- else %}{{- message.content | trim }}{%- endif %}{{- '<|eot|>' }}{%- endfor %}
{%- if add_generation_prompt %}{{- '[assistant]' }}{%- endif %}"""
LISTED = """{{- bos_token }}{%- for message in messages %}
{%- if message.role == 'user' %}{{- '[INST]' + message.content + '[/INST]' }}
{%- elif message.role == 'tool' %}{{- '[TOOL_RESULTS]' + message.content + '[/TOOL_RESULTS]' }}
{%- elif message.tool_calls %}{{- '[TOOL_CALLS][' }}
{%- for call in message.tool_calls %}
{{- '{"name":' + (call.function.name | tojson) + ',"arguments":' + (call.function.arguments | tojson) }}
{{- ',"id":"' + call.id + '"}' }}{%- if not loop.last %}{{- ',' }}{%- endif %}{%- endfor %}
{{- ']</s>' }}{%- elif message.role == 'assistant' %}{{- message.content + '</s>' }}{%- endif %}
{%- endfor %}"""
PLAIN_MARKS = ["</s>", "<s>", "<unk>"]
TAGS_MARKS = ["<|end|>", "<|sys|>", "<|user|>", "<|assistant|>", "<|tool|>", "<|system|>"]
BARE_MARKS = ["<|eot|>", "<|python_tag|>"]
# By what they are called in tests: template, special tokens, the first of which ends texts.
OWN = {
    "plain": (PLAIN, PLAIN_MARKS),
    "tags": (TAGS, TAGS_MARKS),
    "bare": (BARE, BARE_MARKS),
    "listed": (LISTED, ["</s>", "<s>", "[TOOL_CALLS]", "[INST]", "[/INST]"]),
}
