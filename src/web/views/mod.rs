//! The structs that templates get. They hold what is shown, formatted; a template only loops and chooses.

mod account;
mod accounts;
mod admin;
mod auth;
mod banners;
mod device;
mod directory;
mod error;
mod factors;
mod home;
mod humanize;
mod invitation;
mod layout;
mod page;
mod qr;
mod tokens;

pub(super) use account::AccountView;
pub(super) use accounts::{
    AccountRow, AccountsView, InvitationForm, InvitationLinkView, InvitationRow, username as account_username,
};
pub(super) use admin::{
    AdminDirectoryView, AdminOverviewView, AdminPage, AdminSessionsView, AdminTokensView, AuditForm, AuditView,
    FactorOwnersView, FaultsView, NodesView, ProxyView, SessionRefreshView, SessionsForm, cut_to_page,
};
pub(super) use auth::{Notice, PasswordView, ReauthenticateView, SignInView, SignOutView, Tone};
pub(super) use directory::DirectoryView;
pub(super) use error::ErrorView;
pub(super) use factors::{
    AuthenticatorSetupView, FactorMethod, FactorsView, NoPasskeysView, PasskeySetupView, RecoveryCodesView, SecondStepView,
};
pub(super) use home::HomeView;
pub(super) use humanize::{humanize, humanize_wait, moment};
pub(super) use invitation::{AcceptanceView, InvitationView};
pub(super) use layout::{Banner, Layout, LayoutVisitor, NavItem};
pub(super) use page::{OwnPageView, PageView, WholePageView};
pub(super) use tokens::{NewTokenView, TokensView};
