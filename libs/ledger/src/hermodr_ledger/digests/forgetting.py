"""The name of an author who is erased goes from the digests of others, too; what they posted is the group's."""

from uuid import UUID

from hermodr_ledger.engine import Transaction

# A summary may name whom it is about.
_FORGET = """
UPDATE hermodr.jobs j
SET data = jsonb_set(j.data - 'summary', '{items}', (
    SELECT jsonb_agg(CASE WHEN i.item ->> 'author_id' = $1::uuid::text THEN i.item - 'author' - 'author_id'
                          ELSE i.item END ORDER BY i.nth)
    FROM jsonb_array_elements(j.data -> 'items') WITH ORDINALITY AS i(item, nth)))
FROM (SELECT DISTINCT u.group_id FROM hermodr.updates u WHERE u.author_id = $1) g
WHERE j.group_id = g.group_id AND j.kind = 'digest'
  AND j.data @> jsonb_build_object('items', jsonb_build_array(jsonb_build_object('author_id', $1::uuid)))
"""


async def forget_author(transaction: Transaction, recipient_id: UUID, *, seconds: float) -> None:
    """Before the recipient is deleted: updates do not know their author afterwards."""
    await transaction.fetch(_FORGET, recipient_id, seconds=seconds)
