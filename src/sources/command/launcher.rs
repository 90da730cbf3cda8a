use std::path::PathBuf;
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use nix::unistd::{User, geteuid};
use rustix::process::Pid;
use tokio::process::Command;

use super::places::RunPlace;
use super::process::RunningProcess;
use super::settings::CommandSettings;
use super::stragglers::{RUN_VARIABLE, Stragglers};
use crate::config::Secret;
use crate::sources::SourceError;
use crate::store::fill_randomly;

/// Where programs are looked for by those that this one starts.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is shorter is no secret, but part of many words.
const MIN_SECRET_BYTES: usize = 4;

/// Starts a source's program, in an environment of its own: nothing of the server's is in it.
pub(super) struct Launcher {
    path: PathBuf,
    /// The program's name, for error messages.
    pub(super) name: String,
    environment: Vec<(String, Secret)>,
    user: Option<ProgramUser>,
    directory: Option<PathBuf>,
    pub(super) timeout: Duration,
    pub(super) max_bytes: usize,
}

/// The user that a program runs as: by name, and once found by their ids.
struct ProgramUser {
    name: String,
    /// The ids of the user and of their group; `None` where the server runs as that user already.
    ids: OnceLock<Option<(u32, u32)>>,
}

impl Launcher {
    /// The launcher as the settings say. Nothing is started, and nobody is looked up.
    pub(super) fn new(settings: &CommandSettings) -> Self {
        let path = settings.program.path.clone();
        let name = path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned());
        Self {
            path,
            name,
            environment: settings.environment.clone(),
            user: settings.user.clone().map(|name| ProgramUser { name, ids: OnceLock::new() }),
            directory: settings.directory.clone(),
            timeout: settings.timeout,
            max_bytes: settings.max_bytes,
        }
    }

    /// Starts the program with these arguments, in a place that it has until its end. It leads a process group, has no input, and ends
    /// with its handle.
    ///
    /// # Errors
    /// [`SourceError::Broken`] with the system's reason, also when there is no such user or the server may not become it.
    pub(super) fn start(&self, arguments: &[String], place: RunPlace) -> Result<RunningProcess, SourceError> {
        let mut id = [0; 8];
        fill_randomly(&mut id).map_err(|error| SourceError::Broken(error.to_string()))?;
        let run = hex::encode(id);
        let mut command = Command::new(&self.path);
        command.args(arguments).env_clear().env("PATH", PATH).env("LANG", "C.UTF-8");
        command.envs(self.environment.iter().map(|(name, value)| (name, value.expose()))).env(RUN_VARIABLE, &run);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        if let Some((user, group)) = self.user.as_ref().map(ProgramUser::ids).transpose()?.flatten() {
            // The groups of the server's user are left behind with it.
            command.uid(user).gid(group);
        }
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        let child = command.spawn().map_err(|error| {
            let path = self.path.display();
            SourceError::Broken(format!(
                "{path} cannot be started: {error}; it must be there and executable for the user that it runs as, as must `directory`"
            ))
        })?;
        let group = child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        Ok(RunningProcess::new(child, group, Stragglers::new(run), place))
    }

    /// A line of what the program said, for administrators, without control characters and the secrets that it was given.
    pub(super) fn redact(&self, line: &str) -> String {
        let secrets = self.environment.iter().map(|(_, value)| value.expose()).filter(|value| value.len() >= MIN_SECRET_BYTES);
        let line = secrets.fold(line.to_owned(), |line, secret| line.replace(secret, "…"));
        line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

impl ProgramUser {
    fn ids(&self) -> Result<Option<(u32, u32)>, SourceError> {
        if let Some(ids) = self.ids.get() {
            return Ok(*ids);
        }
        let found = find_user(&self.name)?;
        Ok(*self.ids.get_or_init(|| found))
    }
}

/// The ids of a user; `None` where the server runs as that user already.
fn find_user(name: &str) -> Result<Option<(u32, u32)>, SourceError> {
    let found = User::from_name(name).map_err(|error| SourceError::Broken(format!("users cannot be looked up: {error}")))?;
    let user = found.ok_or_else(|| SourceError::Broken(format!("there is no user '{name}' (user)")))?;
    let own = geteuid();
    if own == user.uid {
        return Ok(None);
    }
    if !own.is_root() {
        let why = "the server must run as root to run a program as somebody else (user); leave it out, or let that user write a file, \
                   for a source of kind `file`";
        return Err(SourceError::Broken(why.to_owned()));
    }
    Ok(Some((user.uid.as_raw(), user.gid.as_raw())))
}
