"""Replies that a test starts from: one in the making, one that is complete."""

from tests.integration.faults.client import Client
from tests.integration.faults.cluster import Cluster
from tests.integration.faults.model import Saying
from tests.integration.faults.patience import read_to_the_end


async def begin(cluster: Cluster, user: Client, *, count: int, hold: int | None = None) -> tuple[str, str, Saying]:
    """Begins a reply on the first replica, up to its pause; returns its conversation, its id and the model's call."""
    conversation = await user.create(on=cluster.urls[0])
    prompt = user.prompt()
    cluster.model.will_say(prompt, count, hold=hold)
    reply = await user.send_async(conversation, prompt, on=cluster.urls[0])
    saying = await (cluster.model.asked(prompt) if hold is None else cluster.model.holding(prompt))
    return conversation, reply, saying


async def finished(cluster: Cluster, user: Client, *, count: int = 5) -> tuple[str, str, str]:
    """Returns a reply that is complete: its conversation, its id, its text."""
    conversation, reply, _ = await begin(cluster, user, count=count)
    follower = await read_to_the_end(user.follow(conversation, reply), cluster.urls)
    return conversation, reply, follower.text
