"""Detection of refusals: the words in which an assistant says that it will not or cannot answer.

English and Chinese are looked for always, the languages of `OTHERS` where a caller names them, and whatever
phrases a person gives. Promise: only what the assistant says in its own voice and at once counts, so a letter
that declines an invitation, or a quotation, is none. Not promised: every wording; a list like this one is
never complete.
"""

import re
from collections.abc import Collection

_CANNOT = (
    r"(?:can ?no?t|can't|cant|could ?n[o']t|won't|will not|am (?:not able|unable|not (?:allowed|permitted))"
    r"(?: to)?|'m (?:not able|unable|not (?:allowed|permitted))(?: to)?)"
)
_LACK = r"(?:do not|don't|dont) (?:currently |actually )?(?:have|possess)"
_SERVE = (
    r"(?:assist|help (?:you )?(?:with (?:that|this)|in that)|help you\b(?=[.!]|$)|provide|comply|fulfil"
    r"|answer|respond|generate|discuss|engage in|complete (?:this|that|your)|create|write|produce|do that"
    r"|process|continue with|support (?:this|that)|access|browse|participate)"
)
_REFUSAL = re.compile(
    r"(?:(?:i'?m|i am) (?:very |really |so )?(?:sorry|afraid)|i apologi[sz]e|sorry|unfortunately"
    rf"|my apologies)[^.!?\n]{{0,40}}?\bi ?{_CANNOT}\b[^.!?\n]{{0,20}}?\b{_SERVE}"
    rf"|i ?{_CANNOT} (?:assist|comply|fulfil|(?:help|provide|answer|generate|create|write|discuss"
    rf"|engage in)"
    r" [^.!?\n]{0,40}\b(?:request|that|this|content|question))"
    r"|(?:as|i(?:'m| am)(?: just| only)?) an? (?:ai|artificial intelligence|(?:large )?language model)\b"
    rf"[^.!?\n]{{0,80}}(?:\bi (?:do not|don't|{_CANNOT})|\bcannot\b|\bunable\b)"
    # What a person may lack as well (an ability to swim, access to a kitchen) is none.
    rf"|\bi {_LACK} (?:the |any )?(?:ability|capability|capacity) to (?:directly |physically )?"
    r"(?:access|assist|browse|comply|fulfil|generate|provide(?! for)|retrieve|process|engage in"
    r"|help (?:you )?with|(?:answer|perform|discuss) (?:this|that|your))\b"
    rf"|\bi (?:{_LACK} access to|{_CANNOT} (?:access|browse|search)) (?:any )?(?:real[- ]time|live data"
    r"|external (?:websites?|sources|data)|current (?:data|information|events|news)"
    r"|personal (?:data|information)|the (?:live )?web\b)",
    re.IGNORECASE,
)
_SERVE_ZH = r"(?:回答|提供|访问|浏览|生成|协助|满足|执行|联网|获取|讨论)"
_REFUSAL_ZH = re.compile(
    r"(?:很|非常|十分|实在)?(?:抱歉|对不起|不好意思|遗憾)[^。！？\n]{0,24}?(?:无法|不能|没办法"
    r"|没有办法|不可以|不便)[^。！？\n]{0,12}?"
    r"(?:回答|提供|帮助|协助|完成|满足|生成|处理|讨论|执行|给出|创作|撰写|回应|继续)"
    r"|(?:我|作为|身为)[^。！？\n]{0,10}(?:AI|人工智能|语言模型|大模型)[^。！？\n]{0,24}(?:无法|不能"
    r"|没有能力|不会)"
    r"|我(?:无法|不能|没法|没办法|没有办法|不便)(?:回答|提供|满足|协助|完成|帮助|回应|讨论|执行"
    r"|生成)(?:您|你|这|此|该|相关)"
    r"[^。！？\n]{0,8}(?:请求|问题|要求|内容|任务|信息)"
    rf"|我(?:并|目前)?(?:没有|不具备|不具有)(?:能力|权限)(?:去|来)?(?:直接)?{_SERVE_ZH}"
    rf"|我(?:并|目前)?(?:没有|不具备|不具有)(?:直接)?{_SERVE_ZH}[^。！？\n]{{0,10}}的(?:能力|权限|功能)"
    r"|恕(?:我)?(?:无法|不能|难以?)(?:回答|提供|满足|协助|从命|奉告|告知)"
    r"|我(?:必须|不得不|只能)拒绝(?:回答|提供|您|你|这|此)",
    re.IGNORECASE,
)
# Whom an apology is for decides: what a person cannot come to, open or lend is no refusal.
_OTHERS = {
    "de": (
        r"\b(?:kann|darf|werde|möchte) (?:ich )?[^.!?\n]{0,50}?(?:nicht|keine?\w*)\b[^.!?\n]{0,40}?"
        r"(?:\b(?:dabei|damit|hierbei|hiermit)\b[^.!?\n]{0,20}?\w*helfen|beantworten|bereitstellen"
        r"|nachkommen"
        r"|(?:anfrage|bitte|wunsch|aufgabe)\b[^.!?\n]{0,20}?(?:erfüllen|bearbeiten|ausführen|generieren))"
        r"|(?:kann|darf) (?:ich )?[^.!?\n]{0,20}?(?:dabei|damit|hierbei|hiermit|bei dieser (?:anfrage"
        r"|frage|aufgabe))"
        r"[^.!?\n]{0,20}? nicht (?:\w+ )?(?:\w*helfen|unterstützen|dienen)"
        r"|\bals (?:ein )?(?:ki|künstliche intelligenz|sprachmodell)\b[^.!?\n]{0,60}?\b(?:nicht|kein\w*)\b"
        r"|ich bin (?:leider )?nicht (?:in der lage|befugt)[^.!?\n]{0,40}?zu (?:beantworten|helfen"
        r"|erfüllen|liefern)"
    ),
    "fr": (
        r"\bje (?:ne (?:peux|puis|suis pas en mesure)|regrette)\b[^.!?\n]{0,40}?"
        r"(?:(?:vous |t['e] ?)?aider (?:avec (?:cela|ça|cette)|sur ce|à ce sujet|dans cette)|(?:vous "
        r"|te )?répondre à (?:cette|ce|votre|ta)"
        r"|(?:fournir|générer) (?:ce|cette|ces|d|l)|accéder à (?:cette|votre|ta) demande|satisfaire"
        r"|traiter cette demande)"
        r"|\ben tant qu(?:e modèle|['e] ?(?:une )?(?:ia|intelligence artificielle"
        r"|assistant))\b[^.!?\n]{0,60}?\b(?:ne|n')"
    ),
    "es": (
        r"\bno (?:puedo|podré|me es posible|estoy en condiciones de|estoy autorizad[oa] a"
        r"|soy capaz de)\b[^.!?\n]{0,20}?"
        r"(?:ayudar(?:te|le|lo|os|les)? (?:con (?:eso|esto|esa|este|esta|ello)|en (?:eso|esto))"
        r"|responder|contestar a? ?(?:esa|esta|tu|su|eso)"
        r"|(?:proporcionar|generar|ofrecer)\w* (?:es[ao]|est[ae]|información|contenido|ayuda)|cumplir con)"
        r"|\bcomo (?:una? )?(?:ia|inteligencia artificial|modelo de lenguaje"
        r"|asistente de ia)\b[^.!?\n]{0,60}?\bno\b"
    ),
    "pt": (
        r"\bnão (?:posso|consigo|poderei|me é possível|estou autorizad[oa] a|sou capaz de)\b[^.!?\n]{0,20}?"
        r"(?:ajud(?:ar|á)\S* (?:com (?:isso|isto|essa|esse|esta|este)|nisso|nisto)|responder (?:a "
        r"|à )?(?:ess|est|su|isso)"
        r"|(?:fornecer|gerar|oferecer) (?:ess|est|informaç|conteúdo|ajuda)|atender (?:a |ao "
        r"|à )?(?:ess|est|seu|sua))"
        r"|\bcomo (?:uma? )?(?:ia|inteligência artificial|modelo de linguagem"
        r"|assistente de ia)\b[^.!?\n]{0,60}?\bnão\b"
    ),
    "it": (
        r"\bnon (?:posso|potrò|sono in grado di|mi è possibile|sono autorizzat[oa] a)\b[^.!?\n]{0,20}?"
        r"(?:aiutar(?:ti|la|vi|e) (?:con (?:quest|ciò)|in questo|su questo)|rispondere (?:a quest"
        r"|alla (?:tua|sua)|a ciò)"
        r"|(?:fornire|generare|offrire) (?:quest|informazioni|contenut|assistenza)|soddisfare)"
        r"|\b(?:come|in quanto|essendo) (?:un[a']? ?)?(?:ia\b|intelligenza artificiale"
        r"|modello linguistico|modello di linguaggio"
        r"|assistente ia)[^.!?\n]{0,60}?\bnon\b"
    ),
    "nl": (
        r"\bkan (?:ik )?(?:u|je|jou|jullie)? ?(?:hier|daar)(?:mee|bij)? (?:helaas )?niet (?:mee |bij "
        r"|verder )?(?:helpen|assisteren)"
        r"|\bkan (?:ik )?(?:helaas )?(?:deze|die|dit|dat|uw|je"
        r"|jouw)(?: \w+)? (?:helaas )?niet (?:beantwoorden|uitvoeren|verstrekken|genereren"
        r"|inwilligen)"
        r"|\bals (?:een )?(?:ai|kunstmatige intelligentie|taalmodel)\b[^.!?\n]{0,60}?\b(?:niet|geen)\b"
    ),
    "ru": (
        r"\bя? ?не (?:могу|смогу|в состоянии|имею возможности)\b[^.!?\n]{0,20}?(?:(?:вам "
        r"|тебе )?помочь (?:вам |тебе )?(?:с этим|в этом|с вашим|с такой)"
        r"|ответить на (?:этот|ваш|твой|такой|данный)|предоставить|выполнить (?:этот|эту|ваш|данн)"
        r"|сгенерировать|обсуждать)"
        r"|\b(?:как|будучи|являясь) (?:ии\b|искусственн\w+ интеллект\w*"
        r"|языков\w+ модель\w*)[^.!?\n]{0,60}?\bне\b"
    ),
    "ja": (
        r"(?:お答え|回答|ご回答|返答|お手伝い|ご?提供|ご?対応|お応え|支援|生成)(?:すること)?(?:は"
        r"|が)?(?:でき(?:ません|ない|かねます)|"
        r"いた(?:し|す)?(?:ことは)?(?:しかねます|かねます|できません))"
        r"|(?:ai|人工知能|言語モデル)(?:アシスタント)?(?:として|である|なので"
        r"|のため)[^。！？\n]{0,40}?(?:できません|ません|できない)"
    ),
    "ko": (
        r"(?:도와 ?드릴|답변(?:해|을)? ?(?:드릴|할)|대답(?:해)? ?(?:드릴|할)|제공(?:해)? ?(?:드릴|할)"
        r"|응답(?:해)? ?(?:드릴|할)|수행할) 수(?:가|는)? 없"
        r"|(?:ai|인공지능|언어 ?모델)(?:로서|이기 때문에|이므로|이라서)[^.!?\n]{0,40}?(?:없|않|못)"
    ),
}
# An apology before it, or whatever else is said first.
_BEFORE = r"[^.!?。！？\n]{0,60}?"
_OTHER = {name: re.compile(_BEFORE + f"(?:{words})", re.IGNORECASE) for name, words in _OTHERS.items()}
OTHERS = frozenset(_OTHER)
_LEAD = 240
# Typographic apostrophes are the rule in what models write.
_APOSTROPHES = str.maketrans(dict.fromkeys("\u2018\u2019\u02bc\u2032\u00b4\u0060\uff07", "'"))


def refusal(answer: str, languages: Collection[str] = (), phrases: Collection[str] = ()) -> str | None:
    """Return the refusal with which an answer begins, in one of these further languages or phrases too."""
    start = answer.lstrip()[:_LEAD]
    if start[:1] in "\"'“‘’„«‹「『>*" and start[:2] != "**":
        return None
    start = start.translate(_APOSTROPHES)
    for phrase in phrases:
        if start.casefold().startswith(phrase.translate(_APOSTROPHES).casefold()):
            return phrase
    for language in sorted(languages):
        # From the beginning: in its own voice means at once, as below.
        if found := _OTHER[language].match(start):
            return found.group()
    found = _REFUSAL.search(start) or _REFUSAL_ZH.search(start)
    # In its own voice means at once: a letter has its greeting first.
    return found.group() if found and found.start() <= 30 and "\n" not in start[: found.start()] else None
