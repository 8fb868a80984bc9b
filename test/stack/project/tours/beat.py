"""The journal of celery beat, written by its own process.

A beat holds a lock of the database for as long as it lives. One that does not
get it has found another one alive, and notes that. The ticks are the second
witness: two processes whose ticks mingle ran at the same time.
"""

import uuid

from celery.signals import beat_init, before_task_publish
from django.conf import settings
from django.db import close_old_connections, connection

from tours.models import Journal

LOCK = 20100  # any number that only beats use
state = {"by": "", "holder": None}


def note(kind, subject=""):
    close_old_connections()
    Journal.objects.create(kind=kind, subject=subject, by=state["by"])


@beat_init.connect
def begin(**_):
    state["by"] = f"{settings.INSTANCE}-{uuid.uuid4().hex[:8]}"
    # A connection of its own: it stays open, and the lock ends with it.
    state["holder"] = connection.copy()
    with state["holder"].cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
        alone = cursor.fetchone()[0]
    note("beat-started" if alone else "beat-overlap")


@before_task_publish.connect
def sent(sender=None, headers=None, **_):
    if state["by"] and sender == "tours.tasks.tick":
        note("beat-tick", headers["id"])
