use std::io::{IsTerminal as _, Read as _};
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, Subcommand, ValueEnum};
use zeroize::Zeroizing;

use super::account_list;
use super::serve::report_error;
use crate::accounts::{
    AccountChange, AccountError, AccountGroup, AccountName, AccountProfile, ActionOrigin, LocalAccount, LocalAccounts,
    MailAddress, PasswordCheck, end_of_day,
};
use crate::auth::{Keys, digest};
use crate::config::{self, Settings};
use crate::domain::{Clock, Password, SystemClock, Timestamp};
use crate::epochs::{PersonEpochs, RevocationEvent, RevokedPeople};
use crate::server::{self, StartError, StoreOpener};
use crate::store::StoreError;

/// The inviter's name, as the guest reads it.
const INVITED_BY: &str = "An administrator";

/// The most bytes read for a password: longer than any, so that a file given by mistake is not read to its end.
const MAX_INPUT_BYTES: u64 = 64 * 1024;

/// The arguments of `account`.
#[derive(Args)]
pub(super) struct AccountArgs {
    #[command(subcommand)]
    command: AccountCommand,
}

#[derive(Subcommand)]
enum AccountCommand {
    /// Make an account: a break-glass admin for when the directory is down, say.
    ///
    /// The password is asked for, twice, or read from standard input. It is never an argument: those are seen by everybody
    /// on this machine.
    Add {
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        password_args: PasswordArgs,
        /// Let it use Digest, for a device that can do nothing better (needs `digest.enabled`).
        #[arg(long)]
        digest: bool,
    },
    /// Invite somebody: print a link that works once, with which they choose their own password.
    Invite {
        #[command(flatten)]
        profile: ProfileArgs,
    },
    /// Withdraw an invitation.
    Withdraw {
        /// The name that it is for.
        name: AccountName,
    },
    /// Let nobody in with an account, and end its sessions and boards.
    Disable {
        /// Its name.
        name: AccountName,
    },
    /// Let its owner in again.
    Enable {
        /// Its name.
        name: AccountName,
    },
    /// Remove an account for good, and end its sessions and boards.
    Remove {
        /// Its name.
        name: AccountName,
    },
    /// Put an account into these groups, and into no others.
    Groups {
        /// Its name.
        name: AccountName,
        /// The groups, without `local\`; none at all takes it out of every group.
        groups: Vec<AccountGroup>,
    },
    /// Give an account another password, and end what the old one opened.
    Password {
        /// Its name.
        name: AccountName,
        #[command(flatten)]
        password_args: PasswordArgs,
        /// Let it go on using Digest, which knows the old password.
        #[arg(long)]
        digest: bool,
    },
    /// Turn Digest on for an account, with its password, or off.
    Digest {
        /// Its name.
        name: AccountName,
        /// Which.
        switch: DigestSwitch,
        #[command(flatten)]
        password_args: PasswordArgs,
    },
    /// Show every account and every open invitation.
    List {
        /// As JSON, for programs.
        #[arg(long)]
        json: bool,
    },
}

/// The description of an account on the command line.
#[derive(Args)]
struct ProfileArgs {
    /// What it is called; its owner signs in as local\NAME.
    name: AccountName,
    /// What people call its owner; the account's name if it is left out.
    #[arg(long = "name", value_name = "WORDS")]
    display_name: Option<String>,
    /// Their mail address; it signs in too where accounts.mail_domains has its domain.
    #[arg(long)]
    mail: Option<MailAddress>,
    /// A group to put it into, which pages name as local\GROUP. May be given several times.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<AccountGroup>,
    /// The last day on which it lets its owner in, in UTC: 2027-01-31.
    #[arg(long, value_name = "DATE", value_parser = end_of_day)]
    expires: Option<Timestamp>,
    /// Have its owner show a second factor.
    #[arg(long)]
    second_factor: bool,
}

/// The arguments for reading a password.
#[derive(Args)]
struct PasswordArgs {
    /// Read the password from standard input: one line, as in `pass show guest | belvedere account add guest …`.
    #[arg(long)]
    password_stdin: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum DigestSwitch {
    On,
    Off,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
enum AccountCommandError {
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Account(#[from] AccountError),
    #[error("{0}")]
    Message(String),
}

impl From<StoreError> for AccountCommandError {
    fn from(error: StoreError) -> Self {
        Self::Account(error.into())
    }
}

/// The store and the settings that the commands work on.
struct AccountContext {
    accounts: LocalAccounts,
    epochs: PersonEpochs,
    settings: Settings,
}

pub(super) async fn run(args: AccountArgs) -> ExitCode {
    match execute(args.command).await {
        Ok(message) => {
            println!("{}", message.trim_end());
            ExitCode::SUCCESS
        }
        Err(AccountCommandError::Start(error)) => report_error(&error),
        Err(error) => {
            eprintln!("belvedere: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn execute(command: AccountCommand) -> Result<String, AccountCommandError> {
    let context = AccountContext::open().await?;
    let message = match command {
        AccountCommand::Add { profile, password_args, digest } => context.add(profile, password_args, digest).await?,
        AccountCommand::Invite { profile } => context.invite(profile).await?,
        AccountCommand::Withdraw { name } => context.withdraw(&name).await?,
        AccountCommand::Disable { name } => {
            let account = context.change(&name, AccountChange::Disabled(true)).await?;
            format!("{} is disabled. Where it is signed in, it is signed out within a second.", qualified_name(&account))
        }
        AccountCommand::Enable { name } => {
            let account = context.change(&name, AccountChange::Disabled(false)).await?;
            format!("{} is enabled.", qualified_name(&account))
        }
        AccountCommand::Remove { name } => {
            let account = context.change(&name, AccountChange::Removed).await?;
            format!("{} is removed.", qualified_name(&account))
        }
        AccountCommand::Groups { name, groups } => {
            let account = context.change(&name, AccountChange::Groups(groups)).await?;
            format!("{} is in {}.", qualified_name(&account), account_list::group_list(&account.profile.groups))
        }
        AccountCommand::Password { name, password_args, digest } => context.set_password(&name, password_args, digest).await?,
        AccountCommand::Digest { name, switch, password_args } => context.set_digest(&name, switch, password_args).await?,
        AccountCommand::List { json } => {
            let (accounts, invitations) = (context.accounts.all().await?, context.accounts.invitations().await?);
            account_list::render(&accounts, &invitations, SystemClock.now(), json)
        }
    };
    context.accounts.close().await;
    context.epochs.close().await;
    Ok(message)
}

impl AccountContext {
    async fn open() -> Result<Self, AccountCommandError> {
        let settings = Settings::from_figment(&config::figment()).map_err(StartError::from)?;
        config::open_state_folder_of_server(&settings.state).map_err(StartError::from)?;
        server::refuse_moving_store(&settings).await?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let opener = StoreOpener::new(&settings, &clock);
        let epochs = opener.epochs().await?;
        let accounts = opener.accounts().await?;
        Ok(Self { accounts, epochs, settings })
    }

    async fn find(&self, name: &AccountName) -> Result<LocalAccount, AccountCommandError> {
        let found = self.accounts.by_name(name).await?;
        Ok(found.ok_or_else(|| AccountError::NoSuchAccount(name.clone()))?)
    }

    /// Changes an account, and ends what its owner has proved, as far as the change ends it: a running server follows within a
    /// second.
    async fn change(&self, name: &AccountName, change: AccountChange) -> Result<LocalAccount, AccountCommandError> {
        let event = match &change {
            AccountChange::Disabled(true) | AccountChange::Removed => Some(RevocationEvent::AccountClosed),
            AccountChange::Groups(_) => Some(RevocationEvent::GroupsLost),
            _ => None,
        };
        let before = self.find(name).await?;
        self.revoke(&before, event).await?;
        let account = self.accounts.change(&before.id, change, ActionOrigin::CommandLine).await?;
        self.revoke(&account, event).await?;
        Ok(account)
    }

    /// Ends what an account's owner has proved. It is called before a change, so that nothing of theirs lives on if the program
    /// stops between the two, and after it, since they may prove themselves meanwhile.
    async fn revoke(&self, account: &LocalAccount, event: Option<RevocationEvent>) -> Result<(), StoreError> {
        if let Some(event) = event {
            self.epochs.bump(RevokedPeople::One(account.id.person_id()), event, None).await?;
        }
        Ok(())
    }

    async fn add(
        &self,
        profile: ProfileArgs,
        password_args: PasswordArgs,
        digest: bool,
    ) -> Result<String, AccountCommandError> {
        self.ensure_digest_enabled(digest)?;
        let profile = profile.into_profile();
        let password = password_args.read_new(&format!("Password for local\\{}", profile.name))?;
        let account = self.accounts.add(profile, &password, ActionOrigin::CommandLine).await?;
        if digest {
            self.enable_digest(&account, &password).await?;
        }
        Ok(format!("{} is made. Its owner signs in with that name, `local\\` included.", qualified_name(&account)))
    }

    async fn invite(&self, profile: ProfileArgs) -> Result<String, AccountCommandError> {
        let (code, invitation) = self.accounts.invite(profile.into_profile(), INVITED_BY, ActionOrigin::CommandLine).await?;
        let site = self.settings.site.public_url.as_ref();
        let site = site.map_or("http://localhost:8000/", url::Url::as_str).trim_end_matches('/');
        let hint = match self.settings.site.public_url {
            Some(_) => "",
            None => " Put the address that browsers use in place of http://localhost:8000, or set `site.public_url`.",
        };
        Ok(format!(
            "{site}/invitation#{}\n\nThis link works once, until {}, and is not shown again.{hint}",
            *code.reveal(),
            account_list::format_time(invitation.expires_at)
        ))
    }

    async fn withdraw(&self, name: &AccountName) -> Result<String, AccountCommandError> {
        let all = self.accounts.invitations().await?;
        let open = all.iter().find(|invitation| invitation.profile.name == *name).ok_or_else(|| {
            AccountCommandError::Message(format!(
                "there is no open invitation to local\\{name}: `belvedere account list` shows them"
            ))
        })?;
        self.accounts.withdraw(open.id, ActionOrigin::CommandLine).await?;
        Ok(format!("The invitation to local\\{name} is withdrawn: its link opens nothing any more."))
    }

    async fn set_password(
        &self,
        name: &AccountName,
        password_args: PasswordArgs,
        digest: bool,
    ) -> Result<String, AccountCommandError> {
        self.ensure_digest_enabled(digest)?;
        let before = self.find(name).await?;
        let password = password_args.read_new(&format!("New password for local\\{name}"))?;
        let event = Some(RevocationEvent::PasswordChanged);
        self.revoke(&before, event).await?;
        let account = self.accounts.set_password(&before.id, &password, ActionOrigin::CommandLine).await?;
        self.revoke(&account, event).await?;
        if digest {
            self.enable_digest(&account, &password).await?;
        }
        let lost = before.has_digest && !digest;
        let lost = if lost { " Digest is off now: turn it on again with `belvedere account digest`." } else { "" };
        Ok(format!("{} has another password. Where it is signed in, it is signed out.{lost}", qualified_name(&account)))
    }

    async fn set_digest(
        &self,
        name: &AccountName,
        switch: DigestSwitch,
        password_args: PasswordArgs,
    ) -> Result<String, AccountCommandError> {
        let account = self.find(name).await?;
        if matches!(switch, DigestSwitch::Off) {
            let event = Some(RevocationEvent::DigestRevoked);
            self.revoke(&account, event).await?;
            digest::disable(&self.accounts, &account, ActionOrigin::CommandLine).await?;
            self.revoke(&account, event).await?;
            return Ok(format!("{} cannot use Digest any more.", qualified_name(&account)));
        }
        self.ensure_digest_enabled(true)?;
        let password = password_args.read_existing(&format!("Password of local\\{name}"))?;
        if self.accounts.check_password(Some(&account), &password).await? == PasswordCheck::Wrong {
            let message = format!("that is not the password of local\\{name}; `belvedere account password` sets another");
            return Err(AccountCommandError::Message(message));
        }
        self.enable_digest(&account, &password).await?;
        Ok(format!("{} may use Digest, under the name {} alone.", qualified_name(&account), account.profile.name))
    }

    fn ensure_digest_enabled(&self, wanted: bool) -> Result<(), AccountCommandError> {
        if !wanted || self.settings.digest.enabled {
            return Ok(());
        }
        let message = "Digest is off: set `enabled = true` beneath [default.digest], or BELVEDERE_DIGEST__ENABLED=true";
        Err(AccountCommandError::Message(message.to_owned()))
    }

    async fn enable_digest(&self, account: &LocalAccount, password: &Password) -> Result<(), AccountCommandError> {
        let keys: Keys = server::load_keys(&config::figment(), &self.settings)?;
        digest::enable(&self.accounts, account, password, &keys, ActionOrigin::CommandLine).await?;
        Ok(())
    }
}

impl ProfileArgs {
    fn into_profile(self) -> AccountProfile {
        let Self { name, display_name, mail, groups, expires, second_factor } = self;
        let display_name = display_name.filter(|words| !words.trim().is_empty());
        let display_name = display_name.map_or_else(|| name.to_string(), |words| words.trim().to_owned());
        AccountProfile { name, display_name, mail, groups, expires_at: expires, second_factor }
    }
}

impl PasswordArgs {
    /// Reads a new password: typed twice at a terminal, since nobody sees what they type.
    fn read_new(&self, prompt: &str) -> Result<Password, AccountCommandError> {
        let first = self.read(prompt)?;
        if !self.password_stdin && first != self.read("The same again")? {
            return Err(AccountCommandError::Message(
                "the password was not typed the same both times; nothing was changed".to_owned(),
            ));
        }
        parse_password(first)
    }

    fn read_existing(&self, prompt: &str) -> Result<Password, AccountCommandError> {
        parse_password(self.read(prompt)?)
    }

    fn read(&self, prompt: &str) -> Result<Zeroizing<String>, AccountCommandError> {
        let unread = |error: std::io::Error| AccountCommandError::Message(format!("the password cannot be read: {error}"));
        if !self.password_stdin {
            if !std::io::stdin().is_terminal() {
                let message = "there is no terminal to ask for the password on: give it with --password-stdin";
                return Err(AccountCommandError::Message(message.to_owned()));
            }
            return rpassword::prompt_password(format!("{prompt}: ")).map(Zeroizing::new).map_err(unread);
        }
        let mut typed = Zeroizing::new(String::new());
        std::io::stdin().take(MAX_INPUT_BYTES).read_to_string(&mut typed).map_err(unread)?;
        // The line break that `echo` and editors put after it is not part of it.
        let length = typed.trim_end_matches(['\r', '\n']).len();
        typed.truncate(length);
        Ok(typed)
    }
}

fn parse_password(mut typed: Zeroizing<String>) -> Result<Password, AccountCommandError> {
    Password::parse(std::mem::take(&mut *typed)).map_err(|invalid| AccountCommandError::Message(invalid.to_string()))
}

fn qualified_name(account: &LocalAccount) -> String {
    format!("local\\{}", account.profile.name)
}
