"""What a page that watches is sent: where it is, each verdict, and that it is over."""

from __future__ import annotations

import asyncio
import json
import time

from grader.server.hub import Hub
from grader.server.live_events import _follow
from tests.framework.server.conftest import RIGHT
from tests.framework.server.stub_executor import Running


def collect(site, number, during):
    """The events of a submission from now on, as pairs of kind and data; ``during`` runs once the page is open."""

    async def follow():
        found = []
        started = False
        async for event in _follow(
            site.service, site.service.store.submission(number), site.app.state.open_pages, "kurt", verdicts=True
        ):
            found.append((event.event, json.loads(event.data)))
            if not started:
                started = True
                await asyncio.to_thread(during)
        return found

    return asyncio.run(asyncio.wait_for(follow(), 60))


def test_a_page_hears_its_place_its_verdicts_and_the_end(site):
    """The place first, then every check with its verdict in words, then that the feedback is there."""
    number = site.handed_in("kurt", {"backprop.py": RIGHT})
    site.graders_live()
    running = Running(site.service)
    events = collect(site, number, running.__enter__)
    running.__exit__()
    kinds = [kind for kind, _ in events]
    assert kinds[0] == "place"
    assert kinds[-1] == "done"
    assert events[0][1]["text"].startswith("Waiting to be graded. You are next.")
    checks = [data for kind, data in events if kind == "check"]
    words = {check["id"]: check["word"] for check in checks}
    assert words.items() <= {"test_add": "Accepted", "test_secret": "Accepted"}.items()
    assert not any("never shown" in json.dumps(data) for _, data in events)
    assert site.app.state.open_pages["kurt"] == 0
    assert site.service.hub.readers == 0


def test_a_page_that_opens_late_hears_what_was_decided_before(site):
    """Checks of the attempt under way come first; a submission that is graded already ends the stream at once."""
    number = site.handed_in("kurt", {"backprop.py": RIGHT})
    hub = site.service.hub
    hub.publish(number, {"kind": "running", "at": time.time()})
    hub.publish(
        number,
        {"kind": "check", "id": "test_add", "title": "adds", "verdict": "accepted", "score": 1.0, "max_score": 1.0},
    )
    events = collect(site, number, lambda: site.grade(number))
    assert events[0][0] == "check"
    assert events[-1][0] == "done"
    again = site.browser("kurt").get(f"/submissions/{number}/events")
    assert again.text.strip().startswith("event: done")
    assert again.headers["x-accel-buffering"] == "no"


def test_the_hub_forgets_old_submissions_and_full_queues():
    """It remembers a bounded number of submissions, and a reader that does not read costs a bounded memory."""

    async def flood():
        hub = Hub()
        with hub.reading(1) as queue:
            for number in range(1000):
                hub.publish(number, {"kind": "running", "at": 0.0})
                hub.publish(
                    1,
                    {
                        "kind": "check",
                        "id": str(number),
                        "title": "",
                        "verdict": "accepted",
                        "score": 0,
                        "max_score": 0,
                    },
                )
            await asyncio.sleep(0)
            return len(hub.running()), queue.qsize()

    running, unread = asyncio.run(flood())
    assert running <= 256
    assert unread <= 400
