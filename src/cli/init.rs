use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use rocket::figment::Figment;

use crate::config::Settings;
use crate::directory::{
    DiagnosticStep, DiagnosticsRequest, Directories, DirectoryFacts, DirectoryReport, StepVerdict, UntrustedCa,
};
use crate::domain::{CertificateFingerprint, Clock, SystemClock};
use crate::pages::write_first_page;

use super::doctor::{CommandError, save_authority};
use super::serve::report_error;
use super::terminal_style::{StepCounts, TerminalStyle};

/// The file of settings, which every other command reads.
const DEFAULT_OUTPUT: &str = "Rocket.toml";

/// The arguments of `init`.
#[derive(Args)]
pub(super) struct InitArgs {
    /// The directory: ldaps://dc1.corp.example.com, or the server's name alone.
    #[arg(value_name = "LDAP-URL")]
    url: String,
    /// The certificates of the CA that signed the server's, in PEM form.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Trust the certificate with this SHA-256 fingerprint and no other, whatever names are in it.
    ///
    /// It is worth as much as the comparison of the fingerprint with what the server's owner says.
    #[arg(long, value_name = "sha256:HEX", conflicts_with = "ca_file")]
    tls_fingerprint: Option<CertificateFingerprint>,
    /// The account that searches: a DN, name@domain, or DOMAIN\name.
    #[arg(long, value_name = "NAME", requires = "bind_password_file")]
    bind_name: Option<String>,
    /// The file with that account's password. It stays where it is; only its name is written.
    #[arg(long, value_name = "FILE", requires = "bind_name")]
    bind_password_file: Option<PathBuf>,
    /// Where to write the settings.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_OUTPUT)]
    output: PathBuf,
    /// Speak TLS by StartTLS, for a server without LDAPS; a server's name alone is an ldap:// URL then.
    #[arg(long)]
    start_tls: bool,
    /// Where the people are; without it, the directory's own answer.
    #[arg(long, value_name = "DN")]
    base_dn: Option<String>,
    /// Save the certificate of the CA that the server sends and this machine does not know, and stop there.
    ///
    /// It is worth as much as the comparison of its SHA-256 with what the CA's owner says; --ca-file uses it then.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ca_file", "tls_fingerprint"])]
    save_ca: Option<PathBuf>,
    /// Overwrite the settings that are there.
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(args: InitArgs) -> ExitCode {
    match init(args).await {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(CommandError::Start(error)) => report_error(&error),
        Err(CommandError::Message(why)) => {
            eprintln!("belvedere: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn init(mut args: InitArgs) -> Result<String, CommandError> {
    args.make_paths_absolute()?;
    if args.output.exists() && !args.force {
        let file = args.output.display();
        return Err(CommandError::Message(format!(
            "{file} is there already: name another file with --output, or overwrite it with --force"
        )));
    }
    let url = with_scheme(&args);
    let report = diagnose(&args, &url).await?;
    println!("{}", TerminalStyle::for_stdout().render(&report).trim_start());
    if let (Some(file), Some(authority)) = (&args.save_ca, &report.authority) {
        // Whoever answered may have sent any certificate: until somebody has compared it, no password goes there.
        save_authority(authority, file)?;
        return Err(CommandError::Message(comparison_hint(&args, authority, file)));
    }
    let counts = StepCounts::of(report.steps());
    let (0, Some(facts)) = (counts.failures, &report.known) else {
        return Err(CommandError::Message(format!(
            "nothing was written, as the directory cannot be used so. {}",
            failure_hint(&args, &url, &report)
        )));
    };
    write_settings(&args, &settings_text(&args, &url, facts))?;
    let pages = add_first_page(&args.output)?;
    let config = if args.output == Path::new(DEFAULT_OUTPUT) {
        String::new()
    } else {
        format!("ROCKET_CONFIG={} ", shell_quoted(&args.output.to_string_lossy()))
    };
    Ok(format!(
        "Wrote {}{pages}. Next: `{config}belvedere check --online`, then `{config}belvedere serve`.",
        args.output.display()
    ))
}

impl InitArgs {
    /// This command with another option that names a file for the CA's certificate.
    fn command_with(&self, option: &str, ca_file: &Path) -> String {
        let files = [("--bind-password-file", &self.bind_password_file), (option, &Some(ca_file.to_owned()))];
        let texts = [("--bind-name", &self.bind_name), ("--base-dn", &self.base_dn)];
        let mut command = format!("belvedere init {}", shell_quoted(&self.url));
        for (option, text) in texts {
            command.extend(text.iter().map(|text| format!(" {option} {}", shell_quoted(text))));
        }
        for (option, file) in files {
            command.extend(file.iter().map(|file| format!(" {option} {}", shell_quoted(&file.to_string_lossy()))));
        }
        if self.output != Path::new(DEFAULT_OUTPUT) {
            let _ = write!(command, " --output {}", shell_quoted(&self.output.to_string_lossy()));
        }
        for (option, _) in [("--start-tls", self.start_tls), ("--force", self.force)].iter().filter(|(_, set)| *set) {
            let _ = write!(command, " {option}");
        }
        command
    }

    /// Makes paths absolute when the settings are written to another folder: paths in them are relative to it.
    fn make_paths_absolute(&mut self) -> Result<(), CommandError> {
        if self.output.parent().is_none_or(|folder| folder.as_os_str().is_empty()) {
            return Ok(());
        }
        for file in [&mut self.ca_file, &mut self.bind_password_file, &mut self.save_ca].into_iter().flatten() {
            *file = std::path::absolute(&*file)
                .map_err(|fault| CommandError::Message(format!("{} cannot be a file's name: {fault}", file.display())))?;
        }
        Ok(())
    }
}

/// The URL with its scheme: a bare name is a server's, for LDAPS (or LDAP with StartTLS).
fn with_scheme(args: &InitArgs) -> String {
    let (url, scheme) = (args.url.trim(), if args.start_tls { "ldap" } else { "ldaps" });
    if url.contains("://") { url.to_owned() } else { format!("{scheme}://{url}") }
}

/// The text that says what to do with a certificate that has just been saved.
fn comparison_hint(args: &InitArgs, authority: &UntrustedCa, file: &Path) -> String {
    format!(
        "saved the certificate of {} in {}, and stopped, as whoever stands between you and the server could have sent \
         it. Its SHA-256 is {}: compare it with what its owner says, then run: {}",
        authority.subject,
        file.display(),
        authority.fingerprint,
        args.command_with("--ca-file", file)
    )
}

async fn diagnose(args: &InitArgs, url: &str) -> Result<DirectoryReport, CommandError> {
    // Without the settings of the environment: it must work by what will be written, and nothing else.
    let mut figment = Figment::from(rocket::Config::default()).merge(("directory.url", url));
    if let Some(file) = &args.ca_file {
        figment = figment.merge(("directory.ca_file", file));
    }
    if let Some(fingerprint) = &args.tls_fingerprint {
        figment = figment.merge(("directory.tls_fingerprint", fingerprint.to_string()));
    }
    if let (Some(name), Some(file)) = (&args.bind_name, &args.bind_password_file) {
        figment = figment.merge(("directory.bind_name", name)).merge(("directory.bind_password_file", file));
    }
    if args.start_tls {
        figment = figment.merge(("directory.start_tls", true));
    }
    if let Some(base_dn) = &args.base_dn {
        figment = figment.merge(("directory.base_dn", base_dn));
    }
    let settings = Settings::from_figment(&figment)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let again = args.command_with("--save-ca", Path::new("corp-ca.pem"));
    let save_ca = format!("save it by `{again}`, which says how to go on");
    let request = DiagnosticsRequest { save_ca: Some(&save_ca), ..DiagnosticsRequest::default() };
    let mut reports = Directories::new(&settings, &clock)?.diagnose(&request).await;
    Ok(if reports.is_empty() { DirectoryReport::default() } else { reports.swap_remove(0) })
}

/// The advice after a failed diagnosis, with what else the name could mean.
fn failure_hint(args: &InitArgs, url: &str, report: &DirectoryReport) -> String {
    let offers_pin = |step: &DiagnosticStep| matches!(&step.verdict, StepVerdict::Failed { remedy, .. } if remedy.contains("tls_fingerprint ="));
    if report.steps().any(offers_pin) {
        return "Do what the arrows say, then try again; ca_file and tls_fingerprint are the options --ca-file and \
                --tls-fingerprint here"
            .to_owned();
    }
    let host = url.split("://").nth(1).unwrap_or_default().trim_end_matches('/');
    let is_name = host.contains('.') && !host.contains(':') && host.parse::<std::net::IpAddr>().is_err();
    if args.url.contains("://") || !is_name {
        return "Do what the arrows say, then try again".to_owned();
    }
    format!(
        "Do what the arrows say, then try again; if {host} is a domain and not a server, \
         `belvedere init ldaps+srv://{host}` asks DNS for its servers"
    )
}

/// The text of the settings: what is needed, with what may be wanted next in comments.
fn settings_text(args: &InitArgs, url: &str, facts: &DirectoryFacts) -> String {
    let mut text = "# Belvedere's settings. `belvedere check` finds mistakes in them, `belvedere doctor` trouble with the \
                    directory.\n\n[default]\n# address = \"0.0.0.0\"     # to be reached from other machines\n\
                    # admins = { groups = [\"dash-admins\"] }     # who may see /admin\n\n"
        .to_owned();
    let _ = writeln!(text, "# {}, people below {}", one_line(&facts.kind), one_line(&facts.base_dn));
    let _ = writeln!(text, "[default.directory]\nurl = {}", toml_quoted(url));
    if let Some(file) = &args.ca_file {
        let _ = writeln!(text, "ca_file = {}", toml_quoted(&file.to_string_lossy()));
    }
    if let Some(fingerprint) = &args.tls_fingerprint {
        let _ = writeln!(text, "tls_fingerprint = {}", toml_quoted(&fingerprint.to_string()));
    }
    if args.start_tls {
        text.push_str("start_tls = true\n");
    }
    if let Some(base_dn) = &args.base_dn {
        let _ = writeln!(text, "base_dn = {}", toml_quoted(base_dn));
    }
    match (&args.bind_name, &args.bind_password_file) {
        (Some(name), Some(file)) => {
            let _ = writeln!(text, "bind_name = {}", toml_quoted(name));
            let _ = writeln!(text, "bind_password_file = {}", toml_quoted(&file.to_string_lossy()));
        }
        _ => text.push_str(
            "# An account that may search: with it, whoever leaves the company or a group is out within minutes, and \
             misspelt groups are found.\n# bind_name = \"svc-belvedere@corp.example.com\"\n\
             # bind_password_file = \"/run/credentials/belvedere/bind-password\"\n",
        ),
    }
    text
}

/// The text without control characters: a comment ends with its line, whatever a server sends.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A word quoted for a shell.
fn shell_quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@+,=[]".contains(c);
    if word.chars().all(is_plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}

/// A text quoted for TOML.
fn toml_quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn write_settings(args: &InitArgs, text: &str) -> Result<(), CommandError> {
    let file = &args.output;
    let unwritten = |fault: std::io::Error| CommandError::Message(format!("{} cannot be written: {fault}", file.display()));
    let mut open = std::fs::OpenOptions::new();
    // Without --force a file that has come to be there meanwhile stays as it is.
    let open = if args.force { open.write(true).create(true).truncate(true) } else { open.write(true).create_new(true) };
    open.open(file).and_then(|mut written| written.write_all(text.as_bytes())).map_err(unwritten)
}

/// Writes a first page beside the settings, where there is no folder of pages; gives a text that says so.
fn add_first_page(output: &Path) -> Result<String, CommandError> {
    let folder = output.parent().unwrap_or(Path::new("")).join("pages");
    if folder.exists() {
        return Ok(String::new());
    }
    let unwritten = |fault| CommandError::Message(format!("{} cannot be written: {fault}", folder.display()));
    write_first_page(&folder).map_err(unwritten)?;
    Ok(format!(", and a first page in {}", folder.display()))
}
