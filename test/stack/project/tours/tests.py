import json

from django.test import TestCase

from tours.models import Tour


class ToursTest(TestCase):
    def test_post_is_kept(self):
        body = json.dumps({"name": "Fjords"})
        answer = self.client.post("/api/tours/", body, content_type="application/json", HTTP_X_REQUEST_ID="r1")
        self.assertEqual(answer.status_code, 201)
        self.assertEqual(Tour.objects.get().request, "r1")

    def test_health(self):
        self.assertEqual(self.client.get("/health/").json(), {"status": "ok"})
