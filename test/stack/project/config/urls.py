from django.urls import path

from tours import views

urlpatterns = [
    path("", views.home),
    path("health/", views.health),
    path("version", views.version),
    path("api/tours/", views.tours),
    path("api/tasks/", views.tasks),
]
