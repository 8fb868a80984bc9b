from django.conf import settings


def identify(get_response):
    """Says in each answer which version and which container gave it."""

    def middleware(request):
        response = get_response(request)
        response["Tours-Version"] = settings.VERSION
        response["Tours-Instance"] = settings.INSTANCE
        return response

    return middleware
