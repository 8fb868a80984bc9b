import json

from django.conf import settings
from django.db import connection
from django.http import JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tours.models import Journal, Tour
from tours.tasks import prepare


@require_GET
def health(request):
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


@require_GET
def version(request):
    return JsonResponse({"version": settings.VERSION, "instance": settings.INSTANCE})


@require_GET
def home(request):
    return render(request, "tours/home.html", {"tours": Tour.objects.order_by("-id")[:3]})


def as_dict(tour):
    return {
        "id": tour.id,
        "name": tour.name,
        "request": tour.request,
    }


@require_http_methods(["GET", "POST"])
def tours(request):
    if request.method == "GET":
        newest = Tour.objects.order_by("-id")[: settings.TOURS_PER_PAGE]
        return JsonResponse({"tours": [as_dict(tour) for tour in newest]})
    sent = json.loads(request.body)
    tour = Tour.objects.create(
        name=sent["name"],
        note=sent.get("note", ""),
        request=request.headers.get("X-Request-Id", ""),
    )
    return JsonResponse({**as_dict(tour), "bytes": len(request.body)}, status=201)


@require_POST
def tasks(request):
    """Queues a task. The journal has it first: a task that is lost is seen."""
    sent = json.loads(request.body)
    Journal.objects.create(kind="task-queued", subject=sent["id"], by=settings.INSTANCE)
    prepare.delay(sent["id"], sent["seconds"])
    return JsonResponse({"queued": sent["id"]}, status=202)
