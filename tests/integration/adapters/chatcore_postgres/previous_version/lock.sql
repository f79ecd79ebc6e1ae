select g.owner_id, g.epoch
from conversations as c join generations as g on g.user_id = c.user_id and g.conversation_id = c.id
where c.user_id = %(user_id)s and c.id = %(conversation_id)s and g.message_id = %(message_id)s
for update
