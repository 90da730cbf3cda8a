use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use rocket::figment::Figment;

use crate::config::Settings;
use crate::directory::{Directories, Examination, Known, Questions};
use crate::domain::{Clock, SystemClock};
use crate::pages::lay_out_first;

use super::doctor::{Stop, save_ca};
use super::looks::{Looks, Tally};
use super::serve::fail;

/// Where the settings are written, and read again by every other command.
const SETTINGS: &str = "Rocket.toml";

/// What to begin with.
#[derive(Args)]
pub(super) struct Options {
    /// The directory: ldaps://dc1.corp.example.com, or the server's name alone.
    #[arg(value_name = "LDAP-URL")]
    url: String,
    /// The certificates of the CA that signed the server's, in PEM form.
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// The account that searches: a DN, name@domain, or DOMAIN\name.
    #[arg(long, value_name = "NAME", requires = "bind_password_file")]
    bind_name: Option<String>,
    /// The file with that account's password. It stays where it is; only its name is written.
    #[arg(long, value_name = "FILE", requires = "bind_name")]
    bind_password_file: Option<PathBuf>,
    /// Where to write the settings.
    #[arg(long, value_name = "FILE", default_value = SETTINGS)]
    output: PathBuf,
    /// Save the certificate of the CA that the server sends and this machine does not know, and use it.
    #[arg(long, value_name = "FILE", conflicts_with = "ca_file")]
    save_ca: Option<PathBuf>,
    /// Overwrite the settings that are there.
    #[arg(long)]
    force: bool,
}

pub(super) async fn run(options: Options) -> ExitCode {
    match init(options).await {
        Ok(good_news) => {
            println!("{good_news}");
            ExitCode::SUCCESS
        }
        Err(Stop::Start(error)) => fail(&error),
        Err(Stop::Said(why)) => {
            eprintln!("belvedere: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn init(mut options: Options) -> Result<String, Stop> {
    options.settle_paths()?;
    if options.output.exists() && !options.force {
        let file = options.output.display();
        return Err(Stop::Said(format!(
            "{file} is there already: name another file with --output, or overwrite it with --force"
        )));
    }
    let url = with_scheme(&options.url);
    let mut examination = examine(&options, &url).await?;
    let looks = Looks::of_stdout();
    if let (Some(file), Some(_)) = (options.save_ca.clone(), &examination.authority) {
        println!("{}", looks.examination(&examination).trim_start());
        println!("{}\n", save_ca(std::slice::from_ref(&examination), &file)?);
        options.ca_file = Some(file);
        examination = examine(&options, &url).await?;
    }
    println!("{}", looks.examination(&examination).trim_start());
    let tally = Tally::of(examination.steps());
    let (0, Some(known)) = (tally.failures, &examination.known) else {
        return Err(Stop::Said(format!(
            "nothing was written, as the directory cannot be used so. {}",
            hint(&options, &url)
        )));
    };
    write(&options, &settings_text(&options, &url, known))?;
    let pages = lay_out_page(&options.output)?;
    Ok(format!("Wrote {}{pages}. Next: `belvedere check --online`, then `belvedere serve`.", options.output.display()))
}

impl Options {
    /// A file that is named in the settings is looked for beside them, while what is typed is looked for here: where the
    /// two are not the same folder, names are written whole.
    fn settle_paths(&mut self) -> Result<(), Stop> {
        if self.output.parent().is_none_or(|folder| folder.as_os_str().is_empty()) {
            return Ok(());
        }
        for file in [&mut self.ca_file, &mut self.bind_password_file, &mut self.save_ca].into_iter().flatten() {
            *file = std::path::absolute(&*file)
                .map_err(|fault| Stop::Said(format!("{} cannot be a file's name: {fault}", file.display())))?;
        }
        Ok(())
    }
}

/// A bare name is a server's, spoken to by LDAPS.
fn with_scheme(url: &str) -> String {
    let url = url.trim();
    if url.contains("://") { url.to_owned() } else { format!("ldaps://{url}") }
}

async fn examine(options: &Options, url: &str) -> Result<Examination, Stop> {
    // Without what stands around: it is to work by what is written, and by nothing else.
    let mut figment = Figment::from(rocket::Config::default()).merge(("directory.url", url));
    if let Some(file) = &options.ca_file {
        figment = figment.merge(("directory.ca_file", file));
    }
    if let (Some(name), Some(file)) = (&options.bind_name, &options.bind_password_file) {
        figment = figment.merge(("directory.bind_name", name)).merge(("directory.bind_password_file", file));
    }
    let settings = Settings::from_figment(&figment)?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let mut examinations = Directories::new(&settings, &clock)?.examine(&Questions::default()).await;
    Ok(if examinations.is_empty() { Examination::default() } else { examinations.swap_remove(0) })
}

/// What else the name could have meant.
fn hint(options: &Options, url: &str) -> String {
    let host = url.split("://").nth(1).unwrap_or_default().trim_end_matches('/');
    let is_name = host.contains('.') && !host.contains(':') && host.parse::<std::net::IpAddr>().is_err();
    if options.url.contains("://") || !is_name {
        return "Do what the arrows say, then try again".to_owned();
    }
    format!(
        "Do what the arrows say, then try again; if {host} is a domain and not a server, \
         `belvedere init ldaps+srv://{host}` asks DNS for its servers"
    )
}

/// What is needed, and no more; what may be wanted next stands in comments.
fn settings_text(options: &Options, url: &str, known: &Known) -> String {
    let mut text =
        "# Belvedere's settings. `belvedere check` finds mistakes in them, `belvedere doctor` trouble with the \
                    directory.\n\n[default]\n# address = \"0.0.0.0\"     # to be reached from other machines\n\
                    # admins = { groups = [\"dash-admins\"] }     # who may see /admin\n\n"
            .to_owned();
    let _ = writeln!(text, "# {}, people below {}", one_line(&known.kind), one_line(&known.base_dn));
    let _ = writeln!(text, "[default.directory]\nurl = {}", quoted(url));
    if let Some(file) = &options.ca_file {
        let _ = writeln!(text, "ca_file = {}", quoted(&file.to_string_lossy()));
    }
    match (&options.bind_name, &options.bind_password_file) {
        (Some(name), Some(file)) => {
            let _ = writeln!(text, "bind_name = {}", quoted(name));
            let _ = writeln!(text, "bind_password_file = {}", quoted(&file.to_string_lossy()));
        }
        _ => text.push_str(
            "# An account that may search: with it, whoever leaves the company or a group is out within minutes, and \
             misspelt groups are found.\n# bind_name = \"svc-belvedere@corp.example.com\"\n\
             # bind_password_file = \"/run/credentials/belvedere/bind-password\"\n",
        ),
    }
    text
}

/// A comment ends with its line, whatever a server says of itself.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn write(options: &Options, text: &str) -> Result<(), Stop> {
    let file = &options.output;
    let unwritten = |fault: std::io::Error| Stop::Said(format!("{} cannot be written: {fault}", file.display()));
    let mut open = std::fs::OpenOptions::new();
    // Without --force a file that has come to be there meanwhile stays as it is.
    let open =
        if options.force { open.write(true).create(true).truncate(true) } else { open.write(true).create_new(true) };
    open.open(file).and_then(|mut written| written.write_all(text.as_bytes())).map_err(unwritten)
}

/// A first page beside the settings, where there is no folder of pages. Says so.
fn lay_out_page(output: &Path) -> Result<String, Stop> {
    let folder = output.parent().unwrap_or(Path::new("")).join("pages");
    if folder.exists() {
        return Ok(String::new());
    }
    let unwritten = |fault| Stop::Said(format!("{} cannot be written: {fault}", folder.display()));
    lay_out_first(&folder).map_err(unwritten)?;
    Ok(format!(", and a first page in {}", folder.display()))
}
