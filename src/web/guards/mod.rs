//! Who is asking, and how: what handlers name in their signatures to be let in.

mod asked;
mod chrome;
mod own_form;
mod passkeys;
mod recently_proved;
mod same_origin;
mod visitor;

pub(super) use asked::{Asked, LastEventId};
pub(super) use chrome::{chrome as chrome_of, href_with_next, sign_in_href};
pub(super) use own_form::OwnForm;
pub(super) use passkeys::Passkeys;
pub(super) use recently_proved::{RecentlyProved, again_href};
pub(super) use same_origin::{Origin, SameOrigin};
pub(super) use visitor::{Administrator, address_of, client_of, known_visitor, shows_authorization, visitor_of};
