use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;

use crate::config::{self, Settings};
use crate::directory::{
    DiagnosticStep, DiagnosticsRequest, Directories, DirectoryReport, GroupMention, ReportSection, UntrustedCa,
};
use crate::domain::{Clock, Password, SystemClock, Username};
use crate::pages::{PageStore, referenced_groups};
use crate::server::StartError;
use crate::sources::{self, FilterWorkers, NamedSources, Sources};

use super::serve::report_error;
use super::terminal_style::{StepCounts, TerminalStyle};

/// The arguments of `doctor`.
#[derive(Args)]
pub(super) struct DoctorArgs {
    /// Look this person up too: their account, their groups, and the pages they may open.
    ///
    /// Without a service account in the settings, their password is asked for, and tried once.
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Read that password from standard input, instead of asking for it at the terminal.
    #[arg(long, requires = "user")]
    password_stdin: bool,
    /// Save the certificate of the CA that the server sends and this machine does not know, for `ca_file`.
    #[arg(long, value_name = "FILE")]
    save_ca: Option<PathBuf>,
    /// Print what was found as JSON.
    #[arg(long)]
    json: bool,
}

pub(super) async fn run(args: DoctorArgs) -> ExitCode {
    match diagnose(&args).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) if args.json => {
            println!("{:#}", error.to_json());
            ExitCode::FAILURE
        }
        Err(CommandError::Start(error)) => report_error(&error),
        Err(CommandError::Message(why)) => {
            eprintln!("belvedere: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Why a command failed.
pub(super) enum CommandError {
    Start(StartError),
    Message(String),
}

impl<E: Into<StartError>> From<E> for CommandError {
    fn from(error: E) -> Self {
        Self::Start(error.into())
    }
}

impl CommandError {
    /// The error as JSON: the settings' faults in parts, anything else as one fault without a place.
    fn to_json(&self) -> serde_json::Value {
        let message = match self {
            Self::Start(StartError::Settings(faults)) => return serde_json::json!({ "faults": faults.to_reports() }),
            Self::Start(error) => error.to_string(),
            Self::Message(why) => why.clone(),
        };
        serde_json::json!({ "faults": [{ "place": null, "message": message, "help": null }] })
    }
}

async fn diagnose(args: &DoctorArgs) -> Result<bool, CommandError> {
    let (settings, named_sources) = sources::read_settings(&config::figment())?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let directories = Directories::new(&settings, &clock)?;
    let user = args.user.as_deref().map(parse_username).transpose()?;
    let password = match &user {
        Some(user) if !directories.can_look_up_person(user) => read_password(args, user)?,
        Some(user) if args.password_stdin => {
            eprintln!("--password-stdin is not needed: the service account looks {user} up, and no password was read.");
            None
        }
        _ => None,
    };
    let pages = DoctorPages::load(&settings, &named_sources, &clock);
    let request =
        DiagnosticsRequest { groups: &pages.groups, person: user.as_ref(), password: password.as_ref(), save_ca: None };
    let mut reports = directories.diagnose(&request).await;
    for report in &mut reports {
        pages.add_section(report);
    }
    let counts = StepCounts::of(reports.iter().flat_map(DirectoryReport::steps));
    if args.json {
        print_json(&reports, counts)?;
    } else {
        print(&reports, counts);
    }
    if let Some(file) = &args.save_ca {
        eprintln!("{}", save_ca(&reports, file)?);
    }
    Ok(counts.failures == 0)
}

fn print(reports: &[DirectoryReport], counts: StepCounts) {
    let style = TerminalStyle::for_stdout();
    let parts: String = reports.iter().map(|report| style.render(report)).collect();
    println!("{}\n{}", parts.trim_start_matches('\n'), counts.summary());
    for report in reports.iter().filter(|report| report.failed()) {
        println!("{}", settings_hint(report));
    }
}

/// The text that says where the settings named in the remedies belong.
fn settings_hint(DirectoryReport { directory, settings, .. }: &DirectoryReport) -> String {
    let of = directory.as_ref().map_or_else(String::new, |name| format!(" for the directory {name}"));
    format!(
        "Settings named above{of} stand beneath [default.{settings}] in Rocket.toml; each may come from the environment \
         instead, as {}.",
        settings.variable("ca_file")
    )
}

/// Parses a typed name.
pub(super) fn parse_username(typed: &str) -> Result<Username, CommandError> {
    let name =
        Username::parse(typed).map_err(|fault| CommandError::Message(format!("\"{typed}\" is nobody's name: {fault}")))?;
    if name.is_local() {
        let why = format!("\"{typed}\" is a local account, which is in no directory: `belvedere account list` shows those");
        return Err(CommandError::Message(why));
    }
    Ok(name)
}

/// Reads the password of somebody who can only be looked up as themselves; `None` when there is no terminal, which is a
/// failed step wherever anonymous searches are not allowed.
fn read_password(args: &DoctorArgs, user: &Username) -> Result<Option<Password>, CommandError> {
    let unread = |fault: std::io::Error| CommandError::Message(format!("the password cannot be read: {fault}"));
    let typed = if args.password_stdin {
        let mut typed = String::new();
        // Longer than any password; what follows a line break is not part of it.
        std::io::stdin().lock().take(64 * 1024).read_to_string(&mut typed).map_err(unread)?;
        typed.truncate(typed.find(['\r', '\n']).unwrap_or(typed.len()));
        typed
    } else if std::io::stdin().is_terminal() {
        eprintln!("There is no service account, so {user} is looked up as themselves; the password is tried once.");
        rpassword::prompt_password(format!("Password of {user}: ")).map_err(unread)?
    } else {
        return Ok(None);
    };
    Password::parse(typed).map(Some).map_err(|fault| CommandError::Message(format!("{fault}: nothing was tried")))
}

/// The pages, as far as they can be loaded, and the groups that they and the settings name.
struct DoctorPages {
    page_store: Result<PageStore, String>,
    groups: Vec<GroupMention>,
}

impl DoctorPages {
    fn load(settings: &Settings, named_sources: &NamedSources, clock: &Arc<dyn Clock>) -> Self {
        let page_store = Sources::open(named_sources, clock, &Arc::new(FilterWorkers::of_this_program()))
            .map_err(|fault| fault.to_string())
            .and_then(|sources| PageStore::load(&settings.pages, Arc::new(sources)).map_err(|_| pages_unreadable(settings)));
        let groups = referenced_groups(page_store.as_ref().ok(), &settings.admins);
        Self { page_store, groups }
    }

    fn add_section(&self, report: &mut DirectoryReport) {
        let Some(seen) = &report.seen else { return };
        report.sections.push(match &self.page_store {
            Ok(page_store) => page_store.rights_section(&seen.person),
            Err(why) => ReportSection {
                title: "pages".to_owned(),
                steps: vec![DiagnosticStep::failure("pages", why, "`belvedere check` says what is wrong with them")],
            },
        });
    }
}

fn pages_unreadable(settings: &Settings) -> String {
    format!("the folder of pages {} cannot be read", settings.pages.display())
}

fn print_json(reports: &[DirectoryReport], counts: StepCounts) -> Result<(), CommandError> {
    let found = serde_json::json!({
        "directories": reports, "failures": counts.failures, "warnings": counts.warnings,
    });
    let text = serde_json::to_string_pretty(&found).map_err(|fault| CommandError::Message(fault.to_string()))?;
    println!("{text}");
    Ok(())
}

/// Saves the CA certificate that a server sent, and gives the text that says what to do with it.
fn save_ca(reports: &[DirectoryReport], file: &Path) -> Result<String, CommandError> {
    let Some(authority) = reports.iter().find_map(|report| report.authority.as_ref()) else {
        return Ok("No certificate was saved: no server sent one of an unknown CA.".to_owned());
    };
    save_authority(authority, file)?;
    Ok(format!(
        "Saved the certificate of {} in {}. Whoever stands between you and the server could have sent it: ask whoever \
         runs the directory whether its SHA-256 is {}, then set ca_file = \"{}\".",
        authority.subject,
        file.display(),
        authority.fingerprint,
        file.display()
    ))
}

/// Writes a CA certificate to a new file.
pub(super) fn save_authority(authority: &UntrustedCa, file: &Path) -> Result<(), CommandError> {
    let opened = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
    opened.and_then(|mut saved| saved.write_all(authority.pem.as_bytes())).map_err(|fault| {
        CommandError::Message(format!("{} cannot be written: {fault}; name another file for --save-ca", file.display()))
    })
}
