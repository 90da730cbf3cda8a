//! The structs that templates get. They hold what is shown, formatted; a template only loops and chooses.

mod account;
mod accounts;
mod admin;
mod auth;
mod chrome;
mod device;
mod directory;
mod error;
mod factors;
mod home;
mod invitation;
mod notes;
mod page;
mod qr;
mod tokens;
mod words;

pub(super) use account::AccountView;
pub(super) use accounts::{
    AccountRow, AccountsView, InvitationRow, LinkView, TypedInvitation, accounts_place, username as account_username,
};
pub(super) use admin::{
    AdminDirectoryView, AdminSessionsView, AdminTokensView, AdminView, AuditForm, AuditView, FaultsView, OwnersView,
    SessionsForm,
};
pub(super) use auth::{AgainView, PasswordView, Said, SignInView, SignOutView, SignedOutView, Tone};
pub(super) use chrome::{Chrome, NavItem, Note, Who};
pub(super) use directory::DirectoryView;
pub(super) use error::ErrorView;
pub(super) use factors::{
    AppOfferView, FactorsView, PasskeyOfferView, RecoveryCodesView, SecondStepView, Way, WhyView,
};
pub(super) use home::HomeView;
pub(super) use invitation::{AcceptanceView, InvitationView};
pub(super) use page::PageView;
pub(super) use tokens::{TokenMadeView, TokensView};
pub(super) use words::{in_words, wait_in_words};
