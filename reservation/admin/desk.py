"""What the desk does while a client is on the phone or at the desk. The services judge it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AutocompleteSelect
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils import timezone
from unfold import widgets

from reservation.admin import shown
from reservation.admin.forms import show_refusal
from reservation.admin.scope import PracticeAdmin, desk_actor
from reservation.models import Appointment, Client, Provider, Reservation, Service
from reservation.rules import booking as booking_rules
from reservation.rules import states
from reservation.rules.booking import BookingPolicy
from reservation.rules.errors import DomainError
from reservation.rules.policy import Actor
from reservation.rules.states import Action
from reservation.selectors import calendar, directory, policies
from reservation.selectors.calendar import AppointmentFilter
from reservation.services import booking

OFFERED_TIMES = 50


class ClientSelect(AutocompleteSelect):
    """Finds a client of one practice by what is typed."""

    def __init__(self, practice_id: int) -> None:
        super().__init__(Reservation._meta.get_field("client"), admin.site)
        self.practice_id = practice_id

    def get_url(self) -> str:
        return f"{super().get_url()}?practice={self.practice_id}"


class OverrideReason(forms.CharField):
    widget = widgets.UnfoldAdminTextInputWidget

    def __init__(self) -> None:
        super().__init__(
            required=False,
            max_length=500,
            label="Override reason",
            help_text="Waives the lead time; kept with the reservation.",
        )


class BookForm(forms.Form):
    client = forms.ModelChoiceField(Client.objects.none())
    service = forms.ModelChoiceField(
        Service.objects.none(),
        required=False,
        widget=widgets.UnfoldAdminSelectWidget,
        empty_label="No service (15 minutes)",
    )
    override_reason = OverrideReason()
    confirm = forms.BooleanField(
        required=False,
        initial=True,
        label="Confirm at once",
        help_text="Otherwise it is held, and given up when the hold runs out.",
        widget=widgets.UnfoldBooleanWidget,
    )

    def __init__(self, *arguments: Any, actor: Actor, provider: Provider, **options: Any) -> None:
        super().__init__(*arguments, **options)
        client, service = self.fields["client"], self.fields["service"]
        client.widget = widgets.UnfoldAdminRelatedFieldWrapperWidget(
            ClientSelect(actor.practice_id),
            Reservation._meta.get_field("client").remote_field,
            admin.site,
            can_add_related=True,
        )
        client.queryset = directory.list_clients(actor)  # type: ignore[attr-defined]
        service.queryset = (  # type: ignore[attr-defined]
            directory.list_services(actor).filter(is_active=True, providers=provider).order_by("name", "id")
        )


class VersionedForm(forms.Form):
    """A form about a reservation as it was when the form was opened."""

    expected_version = forms.IntegerField(widget=forms.HiddenInput)


class CancelForm(VersionedForm):
    reason = forms.CharField(
        required=False,
        max_length=500,
        help_text="Kept with the reservation and its history.",
        widget=widgets.UnfoldAdminTextInputWidget,
    )


class TimesForm(forms.Form):
    """Whose times to offer, and from which day on."""

    provider = forms.ModelChoiceField(
        Provider.objects.none(), widget=widgets.UnfoldAdminSelectWidget, empty_label=None
    )
    day = forms.DateField(
        label="From",
        widget=forms.DateInput(
            {"type": "date", "class": " ".join(widgets.INPUT_CLASSES)},
            format="%Y-%m-%d",
        ),
    )

    def __init__(self, *arguments: Any, providers: QuerySet[Provider], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.fields["provider"].queryset = providers  # type: ignore[attr-defined]


class MoveForm(VersionedForm):
    # Any number may come back: whether that appointment can be had, the service says.
    appointment = forms.IntegerField(label="New time", widget=widgets.UnfoldAdminSelectWidget)
    override_reason = OverrideReason()

    def __init__(self, *arguments: Any, times: QuerySet[Appointment], **options: Any) -> None:
        super().__init__(*arguments, **options)
        choices = [(appointment.pk, time_and_place(appointment)) for appointment in times]
        self.fields["appointment"].widget.choices = choices or [("", "Nothing is free")]


def book(page: PracticeAdmin, request: HttpRequest, appointment: Appointment) -> HttpResponse:
    """Reserve the appointment for a client, and confirm it at once if wished: both or neither."""
    actor, now = desk_actor(request, appointment.practice_id), timezone.now()

    @transaction.atomic
    def act(given: dict[str, Any]) -> Reservation:
        reservation = booking.reserve_appointment(
            actor=actor,
            appointment_id=appointment.pk,
            client_id=given["client"].pk,
            service_id=given["service"].pk if given["service"] else None,
            override_reason=given["override_reason"],
            now=now,
        )
        if not given["confirm"]:
            return reservation
        return booking.confirm_reservation(actor=actor, reservation_id=reservation.pk, now=now)

    return _answer(
        page,
        request,
        BookForm(request.POST or None, actor=actor, provider=appointment.provider),
        act,
        refusal=find_refusal_to_book(appointment, now=now),
        title="Book",
        about=f"{time_and_place(appointment)}, {appointment.provider}",
        row=appointment,
        done="Booked.",
    )


def move(page: PracticeAdmin, request: HttpRequest, reservation: Reservation) -> HttpResponse:
    """Give the reservation another time, of the same provider or of another one who offers its service."""
    actor, now = desk_actor(request, reservation.practice_id), timezone.now()
    providers = directory.list_providers(actor).filter(is_active=True).order_by("name", "id")
    if reservation.service:
        providers = providers.filter(services=reservation.service)
    today = timezone.localdate(now, _zone(reservation.provider))
    whose: dict[str, Any] = {"provider": reservation.provider, "day": today}
    chooser = TimesForm(request.GET or None, providers=providers, initial=whose)
    if chooser.is_valid():
        whose = chooser.cleaned_data
    times = list_times(actor, reservation.service, **whose, now=now)

    def act(given: dict[str, Any]) -> Reservation:
        return booking.reschedule_reservation(
            actor=actor,
            reservation_id=reservation.pk,
            appointment_id=given["appointment"],
            expected_version=given["expected_version"],
            override_reason=given["override_reason"],
            now=now,
        )

    return _answer(
        page,
        request,
        MoveForm(request.POST or None, times=times, initial={"expected_version": reservation.version}),
        act,
        refusal=find_refusal(reservation, Action.RESCHEDULE, now=now),
        title="Move",
        about=_about(reservation),
        row=reservation,
        done="Moved.",
        chooser=chooser,
    )


def cancel(page: PracticeAdmin, request: HttpRequest, reservation: Reservation) -> HttpResponse:
    """Cancel the reservation and keep why."""
    now = timezone.now()

    def act(given: dict[str, Any]) -> Reservation:
        return booking.cancel_reservation(
            actor=desk_actor(request, reservation.practice_id),
            reservation_id=reservation.pk,
            reason=given["reason"],
            expected_version=given["expected_version"],
            now=now,
        )

    return _answer(
        page,
        request,
        CancelForm(request.POST or None, initial={"expected_version": reservation.version}),
        act,
        refusal=find_refusal(reservation, Action.CANCEL, now=now),
        title="Cancel the reservation",
        about=_about(reservation),
        row=reservation,
        done="Cancelled.",
        variant="danger",
    )


def take_on(
    page: PracticeAdmin,
    request: HttpRequest,
    reservation: Reservation,
    action: Action,
    service: Callable[..., Reservation],
    *,
    title: str,
    done: str,
) -> HttpResponse:
    """Take the reservation to the next state by an action that asks for nothing more."""
    now = timezone.now()

    def act(given: dict[str, Any]) -> Reservation:
        return service(
            actor=desk_actor(request, reservation.practice_id),
            reservation_id=reservation.pk,
            expected_version=given["expected_version"],
            now=now,
        )

    return _answer(
        page,
        request,
        VersionedForm(request.POST or None, initial={"expected_version": reservation.version}),
        act,
        refusal=find_refusal(reservation, action, now=now),
        title=title,
        about=_about(reservation),
        row=reservation,
        done=done,
    )


def find_refusal(reservation: Reservation, action: Action, *, now: datetime) -> DomainError | None:
    """Return why the reservation, as it is, cannot be acted on so now; None when it can."""
    try:
        states.next_status(states.status_at(reservation.status, reservation.expires_at, now=now), action)
        if action in (Action.FULFILL, Action.MARK_NO_SHOW):
            states.refuse_before_start(reservation.starts_at, now=now)
    except DomainError as refusal:
        return refusal
    return None


def find_refusal_to_book(appointment: Any, *, now: datetime) -> DomainError | None:
    """Return why the desk cannot book the appointment now, whoever the client; None when it can.

    appointment: with `reserved_by`, the live reservation that has it.
    """
    is_open = appointment.status == Appointment.Status.OPEN and appointment.provider.is_active
    if appointment.reserved_by or not is_open:
        return booking.AppointmentTaken()
    try:
        booking_rules.refuse_start(appointment.starts_at, _policy_of_the_desk(None), now=now)
    except DomainError as refusal:
        return refusal
    return None


def only_free(appointments: QuerySet[Appointment], *, now: datetime) -> QuerySet[Appointment]:
    """Narrow to what the desk may book: as for everybody, but it may waive the lead time."""
    return calendar.only_bookable(appointments, _policy_of_the_desk(None), now=now)


def list_times(
    actor: Actor, service: Service | None, *, provider: Provider, day: date, now: datetime
) -> QuerySet[Appointment]:
    """Return the provider's next times for a visit from this day on, as its clock dates them; at most 50."""
    wanted = AppointmentFilter(
        provider_ids=[provider.pk],
        service=service,
        starts_at_gte=datetime.combine(day, time.min, _zone(provider)),
    )
    appointments = calendar.only_bookable(
        calendar.list_appointments(actor, now=now, wanted=wanted),
        _policy_of_the_desk(service),
        now=now,
        slots=service.slots if service else 1,
    )
    return appointments.select_related("provider", "location").order_by("starts_at")[:OFFERED_TIMES]


def time_and_place(appointment: Appointment) -> str:
    """Return when, on the provider's clock, and where: Mon 7 Jan 2030, 09:15 CST, Lakeview."""
    start = shown.on_local_clock(appointment.starts_at, appointment.provider.time_zone)
    return f"{start}, {appointment.location}" if appointment.location else start


def _about(reservation: Reservation) -> str:
    start = shown.on_local_clock(reservation.starts_at, reservation.provider.time_zone)
    who = f"{reservation.client} with {reservation.provider}"
    return f"{who}, {reservation.service}, {start}" if reservation.service else f"{who}, {start}"


def _policy_of_the_desk(service: Service | None) -> BookingPolicy:
    return replace(policies.get_booking_policy(service), lead_time=timedelta(0))


def _zone(provider: Provider) -> ZoneInfo:
    return ZoneInfo(provider.time_zone)


def _answer(
    page: PracticeAdmin,
    request: HttpRequest,
    form: forms.Form,
    act: Callable[[dict[str, Any]], Reservation],
    *,
    refusal: DomainError | None,
    title: str,
    about: str,
    row: Appointment | Reservation,
    done: str,
    **context: object,
) -> HttpResponse:
    """Show the form, or do what it asks when it was posted: lead to the reservation, or show what refused.

    act: takes the form's cleaned data; raises DomainErrors. The form must be bound by a POST alone.
    refusal: why the form could only refuse; it is then not shown at all.
    """
    if refusal and request.method != "POST":
        page.message_user(request, refusal.message, messages.WARNING)
        return redirect(f"admin:reservation_{page.opts.model_name}_change", row.pk)
    if form.is_valid():
        try:
            reservation = act(form.cleaned_data)
        except DomainError as refusal:
            show_refusal(form, refusal)
        else:
            page.message_user(request, done, messages.SUCCESS)
            return redirect("admin:reservation_reservation_change", reservation.pk)
    context |= {
        **admin.site.each_context(request),
        "opts": page.opts,
        "title": title,
        "about": about,
        "row": row,
        "form": form,
        "media": page.media + form.media,
    }
    return TemplateResponse(request, "reservation/desk.html", context)
