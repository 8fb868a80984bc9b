import time

from celery import shared_task
from django.conf import settings

from tours import beat  # noqa: F401  connects the journal of celery beat
from tours.models import Journal


@shared_task
def prepare(task, seconds):
    """Takes some seconds, and notes its start and its end."""
    Journal.objects.create(kind="task-started", subject=task, by=settings.INSTANCE)
    time.sleep(seconds)
    Journal.objects.create(kind="task-finished", subject=task, by=settings.INSTANCE)


@shared_task
def tick():
    """What celery beat sends every second; beat notes it by itself."""
