"""Entropy and margin of each answer, computed when the answer is written, so that the most uncertain of a
million answers are found without reading all distributions.

Promise: `uncertainty` has one row for each row of `generations` that has logprobs, written in the same
transaction. What is outside the stored top-k counts as one token, so each entropy is a lower bound of the
teacher's own (data processing inequality: Cover and Thomas, Elements of Information Theory, 2nd edition,
2.8). The rows follow from those of `generations`, so the ledger does not count them. Not promised: a margin
where one alternative only is stored.
"""

import duckdb

_ENTER = """
    INSERT INTO uncertainty
    SELECT request_key, len(token_logprobs), list_avg(token_logprobs), list_min(token_logprobs),
           list_avg(entropies), list_max(entropies), list_avg(margins), list_min(margins)
    FROM (
        SELECT request_key, token_logprobs,
               list_transform(
                   list_zip(inside, outside), lambda p: p[1] - if(p[2] > 0, p[2] * ln(p[2]), 0)
               ) AS entropies,
               list_transform(
                   list_filter(topk_logprobs, lambda tops: len(tops) > 1), lambda tops: tops[1] - tops[2]
               ) AS margins
        FROM (
            SELECT *,
                   list_transform(
                       topk_logprobs,
                       lambda tops: -list_sum(
                           list_transform(tops, lambda top: if(isinf(top), 0, exp(top) * top))
                       )
                   ) AS inside,
                   list_transform(
                       topk_logprobs, lambda tops: 1 - list_sum(list_transform(tops, lambda top: exp(top)))
                   ) AS outside
            FROM generations
            WHERE len(token_logprobs) > 0 AND {these}
        )
    )
"""


def enter_batch(connection: duckdb.DuckDBPyConnection, batch: int) -> None:
    """Enter the answers of one batch."""
    connection.execute(_ENTER.format(these="batch = ?"), [batch])


def enter_missing(connection: duckdb.DuckDBPyConnection) -> None:
    """Enter every answer that is not there yet, such as those from before there was this table."""
    connection.execute(_ENTER.format(these="request_key NOT IN (SELECT request_key FROM uncertainty)"))
