//! Request guards: who is asking and how, as handlers name it in their signatures.

mod csrf_guard;
mod layout;
mod passkeys;
mod query_params;
mod recently_authenticated;
mod same_origin;
mod visitor;

pub(super) use csrf_guard::CsrfGuard;
pub(super) use layout::{href_with_next, layout_for, sign_in_href};
pub(super) use passkeys::Passkeys;
pub(super) use query_params::{LastEventId, QueryParams};
pub(super) use recently_authenticated::{RecentlyAuthenticated, reauthenticate_href};
pub(super) use same_origin::{RequestOrigin, SameOrigin};
pub(super) use visitor::{Administrator, address_of, cached_member, client_of, visitor_of};
