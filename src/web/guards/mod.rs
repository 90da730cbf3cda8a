//! Request guards: who is asking and how, as handlers name it in their signatures.

mod admin_act;
mod client;
mod csrf_form;
mod layout;
mod passkeys;
mod query_params;
mod recently_authenticated;
mod same_origin;
mod site_address;
mod visitor;

pub(super) use admin_act::AdminAct;
pub(super) use client::{address_of, client_of};
pub(super) use csrf_form::{CsrfForm, NoFields, PreSessionForm, StaleForm};
pub(super) use layout::layout_for;
pub(super) use passkeys::Passkeys;
pub(super) use query_params::{LastEventId, QueryParams};
pub(super) use recently_authenticated::RecentlyAuthenticated;
pub(super) use same_origin::{RequestOrigin, SameOrigin, hint_at_origin};
pub(super) use site_address::{SiteAddress, UpstreamAddress};
pub(super) use visitor::{Administrator, cached_member, visitor_of};
