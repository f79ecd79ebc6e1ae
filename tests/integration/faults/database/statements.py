"""What only each of the service's writing statements contains, to tell them apart on the wire."""

BEGIN_TURN = 'insert into "public".idempotency_keys'
CHECKPOINT = 'insert into "public".deltas'
FINISH = 'delete from "public".generations'

#: Everything that a user causes to be written.
WRITES = {
    "create": 'insert into "public".conversations',
    "begin a turn": BEGIN_TURN,
    "begin a regeneration": "join path as answered",
    "checkpoint": CHECKPOINT,
    "finish": FINISH,
    "stop": "set stop_requested = true",
    "rename": "then 'user'",
    "choose": "chosen as",
    "delete a message": 'delete from "public".messages',
    "end the deletion of a message": "COMMIT",
    "fork": "copied_pieces as",
    "delete": 'delete from "public".conversations',
}
#: The statements of a recovery, in their order.
RECOVERY = ("set owner_id =", "for update", "as new_token_count", FINISH, "COMMIT")
