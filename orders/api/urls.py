"""Addresses of the API, version 1."""

from csp.decorators import csp_update
from django.contrib.auth.decorators import login_not_required
from django.urls import path, re_path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from orders.api import (
    accepting,
    channels,
    documents,
    drafts,
    link_views,
    order_data,
    order_data_trial,
    order_settings,
    partners,
    pickups,
    problems,
    push_actions,
    reexports,
    refunds,
    routing,
    shipping,
    supplier_tests,
    suppliers,
    views,
    write_backs,
)

app_name = "api"

# Swagger UI sets style attributes on what it draws; nowhere else are they let through.
_docs = csp_update({"style-src": ["'self'", "'unsafe-inline'"]})(
    SpectacularSwaggerSplitView.as_view(url_name="api:schema")
)

urlpatterns = [
    path("orders/", login_not_required(views.OrderList.as_view()), name="orders"),
    path("orders/archive/", login_not_required(drafts.ArchiveOrders.as_view()), name="archive_many"),
    path("orders/unarchive/", login_not_required(drafts.UnarchiveOrders.as_view()), name="unarchive_many"),
    path("orders/<str:public_id>/archive/", login_not_required(drafts.ArchiveOrder.as_view()), name="archive"),
    path("orders/<str:public_id>/unarchive/", login_not_required(drafts.UnarchiveOrder.as_view()), name="unarchive"),
    path("orders/<str:public_id>/draft/", login_not_required(drafts.Draft.as_view()), name="draft"),
    path("requirements/", login_not_required(drafts.Requirements.as_view()), name="requirements"),
    path(
        "requirements/<str:channel>/",
        login_not_required(drafts.ChannelRequirements.as_view()),
        name="channel_requirements",
    ),
    path("orders/<str:public_id>/", login_not_required(views.OrderDetail.as_view()), name="order"),
    path("orders/<str:public_id>/confirm/", login_not_required(views.ConfirmOrder.as_view()), name="confirm"),
    path("orders/<str:public_id>/decline/", login_not_required(views.DeclineOrder.as_view()), name="decline"),
    path("orders/<str:public_id>/cancel/", login_not_required(views.CancelOrder.as_view()), name="cancel"),
    path("orders/<str:public_id>/check/", login_not_required(views.CheckOrder.as_view()), name="check"),
    path("connections/", login_not_required(link_views.ConnectionList.as_view()), name="connections"),
    path("product-links/", login_not_required(link_views.LinkList.as_view()), name="links"),
    path("product-links/import/", login_not_required(link_views.LinkImportView.as_view()), name="link_import"),
    path("product-links/<int:link_id>/", login_not_required(link_views.LinkDetail.as_view()), name="link"),
    path("orders/<str:public_id>/routing/", login_not_required(routing.OrderRouting.as_view()), name="order_routing"),
    path("pushes/<str:public_id>/preview/", login_not_required(routing.PushPreview.as_view()), name="push_preview"),
    path("routing/", login_not_required(routing.Routing.as_view()), name="routing"),
    path("orders/<str:public_id>/mark/", login_not_required(suppliers.MarkOrder.as_view()), name="mark"),
    path(
        "connections/<str:public_id>/supplier/",
        login_not_required(suppliers.SupplierDetail.as_view()),
        name="supplier",
    ),
    path(
        "connections/<str:public_id>/payment-profiles/",
        login_not_required(suppliers.PaymentProfiles.as_view()),
        name="payment_profiles",
    ),
    path(
        "connections/<str:public_id>/test-orders/",
        login_not_required(supplier_tests.TestOrders.as_view()),
        name="supplier_tests",
    ),
    path("connections/<str:public_id>/channel/", login_not_required(channels.StoreChannel.as_view()), name="channel"),
    path(
        "connections/<str:public_id>/channel/sync/",
        login_not_required(channels.StoreSync.as_view()),
        name="channel_sync",
    ),
    path("orders/<str:public_id>/capture/", login_not_required(push_actions.CaptureOrder.as_view()), name="capture"),
    path(
        "orders/<str:public_id>/settle-change/",
        login_not_required(push_actions.SettleChange.as_view()),
        name="settle_change",
    ),
    path("pushes/<str:public_id>/retry/", login_not_required(push_actions.RetryPush.as_view()), name="push_retry"),
    path("pushes/<str:public_id>/skip/", login_not_required(push_actions.SkipPush.as_view()), name="push_skip"),
    path("pushes/<str:public_id>/cancel/", login_not_required(push_actions.CancelPush.as_view()), name="push_cancel"),
    path("refunds/<str:public_id>/retry/", login_not_required(refunds.RetryRefund.as_view()), name="refund_retry"),
    path(
        "refunds/<str:public_id>/withdraw/",
        login_not_required(refunds.WithdrawRefund.as_view()),
        name="refund_withdraw",
    ),
    path("refund-requests/", login_not_required(refunds.RefundRequests.as_view()), name="refund_requests"),
    path(
        "refund-requests/<str:public_id>/",
        login_not_required(refunds.RefundRequestDetail.as_view()),
        name="refund_request",
    ),
    path(
        "refund-requests/<str:public_id>/issue/",
        login_not_required(refunds.IssueRefundRequest.as_view()),
        name="refund_request_issue",
    ),
    path(
        "refund-requests/<str:public_id>/decline/",
        login_not_required(refunds.DeclineRefundRequest.as_view()),
        name="refund_request_decline",
    ),
    path(
        "refund-pictures/<str:public_id>/",
        login_not_required(refunds.RefundPictureFile.as_view()),
        name="refund_picture",
    ),
    path(
        "orders/<str:public_id>/refunds/quote/",
        login_not_required(refunds.QuoteRefund.as_view()),
        name="refund_quote",
    ),
    path("orders/<str:public_id>/refunds/", login_not_required(views.RefundOrder.as_view()), name="refund"),
    path("partnerships/", login_not_required(partners.PartnershipList.as_view()), name="partnerships"),
    path("partnerships/<str:public_id>/", login_not_required(partners.PartnershipDetail.as_view()), name="partnership"),
    path(
        "partnerships/<str:public_id>/accept/",
        login_not_required(partners.AcceptPartnership.as_view()),
        name="partnership_accept",
    ),
    path(
        "partnerships/<str:public_id>/decline/",
        login_not_required(partners.DeclinePartnership.as_view()),
        name="partnership_decline",
    ),
    path(
        "partnerships/<str:public_id>/revoke/",
        login_not_required(partners.RevokePartnership.as_view()),
        name="partnership_revoke",
    ),
    path(
        "partnerships/<str:public_id>/settings/",
        login_not_required(partners.PartnershipSettings.as_view()),
        name="partnership_settings",
    ),
    path(
        "partnerships/<str:public_id>/products/",
        login_not_required(partners.SharedProducts.as_view()),
        name="partnership_products",
    ),
    path("partner-orders/", login_not_required(partners.PartnerOrders.as_view()), name="partner_orders"),
    path("partner-shipments/", login_not_required(partners.PartnerShipments.as_view()), name="partner_shipments"),
    path(
        "pushes/<str:public_id>/push-to-partner/",
        login_not_required(partners.PartnerPush.as_view()),
        name="partner_push",
    ),
    path(
        "write-backs/<str:public_id>/retry/",
        login_not_required(write_backs.RetryWriteBack.as_view()),
        name="write_back_retry",
    ),
    path(
        "write-backs/<str:public_id>/settle/",
        login_not_required(write_backs.SettleWriteBack.as_view()),
        name="write_back_settle",
    ),
    path("plan/", login_not_required(partners.PlanDetail.as_view()), name="plan"),
    path("pushes/<str:public_id>/re-export/", login_not_required(reexports.PushReexport.as_view()), name="reexport"),
    path("re-exports/<str:public_id>/", login_not_required(reexports.ReexportDetail.as_view()), name="reexport_read"),
    path(
        "re-exports/<str:public_id>/choose/",
        login_not_required(reexports.ChooseReexport.as_view()),
        name="reexport_choose",
    ),
    path(
        "re-exports/<str:public_id>/look/",
        login_not_required(reexports.LookAgain.as_view()),
        name="reexport_look",
    ),
    path(
        "re-exports/<str:public_id>/withdraw/",
        login_not_required(reexports.WithdrawReexport.as_view()),
        name="reexport_withdraw",
    ),
    path("orders/<str:public_id>/fulfillments/", login_not_required(shipping.ShipOrder.as_view()), name="ship"),
    path("orders/<str:public_id>/ready/", login_not_required(shipping.ReadyOrder.as_view()), name="ready"),
    path("fulfillments/<str:public_id>/tracking/", login_not_required(shipping.AddTracking.as_view()), name="tracking"),
    path("fulfillments/<str:public_id>/take-back/", login_not_required(shipping.TakeBack.as_view()), name="take_back"),
    path("fulfillments/<str:public_id>/collected/", login_not_required(shipping.HandOver.as_view()), name="collected"),
    path(
        "orders/<str:public_id>/documents/<str:kind>/",
        login_not_required(documents.OrderDocument.as_view()),
        name="document",
    ),
    path("orders/<str:public_id>/customs/", login_not_required(documents.CustomsData.as_view()), name="customs"),
    path("documents/", login_not_required(documents.DocumentJobs.as_view()), name="document_jobs"),
    path("documents/<str:public_id>/", login_not_required(documents.DocumentJobDetail.as_view()), name="document_job"),
    path(
        "documents/<str:public_id>/file/",
        login_not_required(documents.DocumentJobFile.as_view()),
        name="document_file",
    ),
    path("carriers/", login_not_required(pickups.Carriers.as_view()), name="carriers"),
    path("pickups/", login_not_required(pickups.Pickups.as_view()), name="pickups"),
    path("pickups/<str:public_id>/", login_not_required(pickups.PickupDetail.as_view()), name="pickup"),
    path("pickups/<str:public_id>/cancel/", login_not_required(pickups.CancelPickup.as_view()), name="pickup_cancel"),
    path("pickups/<str:public_id>/retry/", login_not_required(pickups.RetryPickup.as_view()), name="pickup_retry"),
    path("pickups/<str:public_id>/settle/", login_not_required(pickups.SettlePickup.as_view()), name="pickup_settle"),
    path(
        "connections/<str:public_id>/settings/",
        login_not_required(order_data.OrderDataSettings.as_view()),
        name="order_data",
    ),
    path(
        "connections/<str:public_id>/settings/try/",
        login_not_required(order_data_trial.TryTexts.as_view()),
        name="order_data_try",
    ),
    path(
        "connections/<str:public_id>/locations/",
        login_not_required(order_data_trial.Locations.as_view()),
        name="locations",
    ),
    path("order-settings/", login_not_required(order_settings.OrderSettings.as_view()), name="order_settings"),
    path("pushes/<str:public_id>/push/", login_not_required(order_data.PushNow.as_view()), name="push_now"),
    path("auto-accept/", login_not_required(accepting.AutoAccept.as_view()), name="auto_accept"),
    path("auto-accept/rules/", login_not_required(accepting.AcceptRuleList.as_view()), name="accept_rules"),
    path(
        "auto-accept/rules/<str:public_id>/",
        login_not_required(accepting.AcceptRuleDetail.as_view()),
        name="accept_rule",
    ),
    path("auto-accept/look-back/", login_not_required(accepting.LookBack.as_view()), name="look_back"),
    path("opening-hours/", login_not_required(accepting.OpeningHours.as_view()), name="opening_hours"),
    path("schema/", login_not_required(SpectacularAPIView.as_view()), name="schema"),
    path("docs/", login_not_required(_docs), name="docs"),
    re_path(r"^.*$", login_not_required(problems.not_found)),
]
