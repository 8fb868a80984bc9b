from django.db import models


class Tour(models.Model):
    name = models.CharField(max_length=200)
    note = models.TextField(blank=True)
    # The id of the request that made it. Not unique on purpose: a request that
    # was carried out twice leaves two rows.
    request = models.CharField(max_length=64, db_index=True)
    created = models.DateTimeField(auto_now_add=True)


class Journal(models.Model):
    """What tasks and beats did, so that nothing lost or doubled goes unseen."""

    kind = models.CharField(max_length=32)
    subject = models.CharField(max_length=64)
    by = models.CharField(max_length=64)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [models.Index(fields=["kind", "subject"], name="journal_kind_subject")]
