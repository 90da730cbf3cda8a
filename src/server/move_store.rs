mod error;
mod move_file;
mod move_target;

use std::sync::Arc;
use std::time::Duration;

use rocket::figment::Figment;
use uuid::Uuid;

pub(crate) use error::MoveError;
use move_file::MoveFile;
pub(crate) use move_target::MoveTarget;

use super::state_lock::StateLock;
use super::stores::{
    ACCOUNTS_FILE, AUDIT_FILE, EPOCHS_FILE, FACTORS_FILE, FAILED_ATTEMPTS_FILE, HISTORY_FILE, PUSHED_FILE, SESSIONS_FILE,
    Stores, TOKENS_FILE,
};
use super::{StartError, load_keys};
use crate::auth::Keys;
use crate::config::{self, Settings, StoreSettings};
use crate::domain::{Clock, SystemClock};
use crate::factors::is_seed_sealed_with;
use crate::nodes::{NodeReport, PostgresNodes};
use crate::sources::PushEndpoints;
use crate::store::transfer::{SqliteTable, StoreMoves, TableDigest, TransferColumn, TransferTable, copy_table, verify_copy};
use crate::store::{PostgresDatabase, StoreError, random_uuid};

/// The tables of every room: the file, the table in it, and the table in the database. What others refer to comes before them.
/// Those that follow from others are left out.
const TABLES: [(&str, &str, &str); 23] = [
    (EPOCHS_FILE, "counter", COUNTER),
    (EPOCHS_FILE, "bumps", "epoch_bumps"),
    (EPOCHS_FILE, "passwords", "known_passwords"),
    (SESSIONS_FILE, "sessions", "sessions"),
    (TOKENS_FILE, "tokens", "tokens"),
    (TOKENS_FILE, "signing_keys", "signing_keys"),
    (ACCOUNTS_FILE, "accounts", "accounts"),
    (ACCOUNTS_FILE, "invitations", "invitations"),
    (ACCOUNTS_FILE, "acts", "acts"),
    (FACTORS_FILE, "people", "factor_people"),
    (FACTORS_FILE, "apps", APPS),
    (FACTORS_FILE, "recovery_codes", "recovery_codes"),
    (FACTORS_FILE, "passkeys", "passkeys"),
    (FACTORS_FILE, "answered", "answered_challenges"),
    (FACTORS_FILE, "code_attempts", "code_attempts"),
    (FAILED_ATTEMPTS_FILE, "names", "throttle_names"),
    (FAILED_ATTEMPTS_FILE, "people", "throttle_people"),
    (FAILED_ATTEMPTS_FILE, "failures", "throttle_failures"),
    (FAILED_ATTEMPTS_FILE, "releases", "throttle_releases"),
    (PUSHED_FILE, "pushed_documents", "pushed_documents"),
    (HISTORY_FILE, "series", "history_series"),
    (HISTORY_FILE, "chunks", "history_chunks"),
    (AUDIT_FILE, "events", "audit_events"),
];

/// The table whose one row every store has from the beginning.
const COUNTER: &str = "epoch_counter";

/// The table of authenticator apps, whose seeds are sealed with the servers' key.
const APPS: &str = "authenticator_apps";

/// How long a statement of a move may take, whatever the settings say of a server's: the rows of a large audit are counted, and
/// nobody waits for an answer meanwhile.
const STATEMENT_TIMEOUT: Duration = Duration::from_mins(5);

/// Moves all that must last to the other engine: copies it, and compares what arrived. The source stays as it is. `report` is
/// told each table, and what of it was compared.
///
/// # Errors
/// A [`MoveError`] that says what to do; what was copied stays, and the next call goes on behind it.
pub(crate) async fn move_store(
    figment: &Figment,
    settings: &Settings,
    target: MoveTarget,
    mut report: impl FnMut(&str, &TableDigest),
) -> Result<(), MoveError> {
    let patient = StoreSettings { statement_timeout: STATEMENT_TIMEOUT, ..settings.store.clone() };
    let database = PostgresDatabase::from_settings(&patient).ok_or(MoveError::NoDatabase)?;
    config::open_state_folder_of_server(&settings.state).map_err(StartError::from)?;
    let _lock = StateLock::acquire(&settings.state)?;
    // One that is made now opens nothing of what is copied.
    if !config::has_secret_key(figment, &settings.state) {
        return Err(MoveError::NoSecretKey);
    }
    // Before anything is changed: they may be of another version.
    let nodes = PostgresNodes::open(&database).await?;
    refuse_running_servers(&nodes).await?;
    let keys = load_keys(figment, settings)?;
    create_tables(settings, &keys).await?;
    let (moves, file) = (StoreMoves::open(&database).await?, MoveFile::in_state_folder(&settings.state));
    let tables: Vec<MovedTable> = TABLES.iter().map(|table| MovedTable::new(settings, &moves, target, *table)).collect();
    refuse_other_key(&tables, &keys).await?;
    let id = begin(&tables, &nodes, &moves, &file, target).await?;
    for MovedTable { name, from, to } in &tables {
        copy_table(&**from, &**to).await?;
        report(name, &verify_copy(&**from, &**to).await?);
    }
    // Killed between the two, the target is usable: without the file a folder is, without the record a database.
    match target {
        MoveTarget::Embedded => {
            file.remove()?;
            moves.finish(id).await?;
        }
        MoveTarget::Postgres => {
            moves.finish(id).await?;
            file.remove()?;
        }
    }
    database.close();
    Ok(())
}

/// Where to the move leads that is under way, into this database or out of it.
///
/// # Errors
/// [`StoreError`] when the database cannot be used.
pub(super) async fn move_under_way(database: &PostgresDatabase) -> Result<Option<MoveTarget>, StoreError> {
    let is_into_database = StoreMoves::open(database).await?.is_into_database().await?;
    Ok(is_into_database.map(|is_into| if is_into { MoveTarget::Postgres } else { MoveTarget::Embedded }))
}

/// Refuses a state folder that a move has not filled yet.
///
/// # Errors
/// [`StartError::IncompleteStore`].
pub(super) fn refuse_incomplete_folder(settings: &Settings) -> Result<(), StartError> {
    let is_incomplete = settings.store.url.is_none() && MoveFile::in_state_folder(&settings.state).is_folder_incomplete();
    if is_incomplete { Err(StartError::IncompleteStore(MoveTarget::Embedded.as_str())) } else { Ok(()) }
}

/// Refuses a store that is being moved to a command which writes: what it wrote could be lost.
///
/// # Errors
/// [`StartError`] when it is being moved, or the database cannot be used.
pub(crate) async fn refuse_moving_store(settings: &Settings) -> Result<(), StartError> {
    let Some(database) = PostgresDatabase::from_settings(&settings.store) else {
        return refuse_incomplete_folder(settings);
    };
    let target = move_under_way(&database).await?;
    database.close();
    target.map_or(Ok(()), |target| Err(StartError::IncompleteStore(target.as_str())))
}

/// A table on both sides of a move.
struct MovedTable {
    name: &'static str,
    from: Box<dyn TransferTable>,
    to: Box<dyn TransferTable>,
}

impl MovedTable {
    fn new(
        settings: &Settings,
        moves: &StoreMoves,
        target: MoveTarget,
        (file, table, name): (&'static str, &'static str, &'static str),
    ) -> Self {
        let embedded: Box<dyn TransferTable> = Box::new(SqliteTable::new(&settings.state.join(file), table));
        let postgres: Box<dyn TransferTable> = Box::new(moves.table(name));
        match target {
            MoveTarget::Postgres => Self { name, from: embedded, to: postgres },
            MoveTarget::Embedded => Self { name, from: postgres, to: embedded },
        }
    }
}

/// Creates the tables that are not there yet, on both sides, as a server does at its start.
async fn create_tables(settings: &Settings, keys: &Keys) -> Result<(), MoveError> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let embedded = Settings { store: StoreSettings::default(), ..settings.clone() };
    for settings in [&embedded, settings] {
        Stores::open(settings, keys, PushEndpoints::default(), &clock).await?.close().await;
    }
    Ok(())
}

/// Refuses to copy what does not open with these keys, as far as there is a sealed seed to tell.
async fn refuse_other_key(tables: &[MovedTable], keys: &Keys) -> Result<(), MoveError> {
    for MovedTable { from, .. } in tables.iter().filter(|table| table.name == APPS) {
        let columns = from.columns().await?.into_iter();
        let columns: Vec<TransferColumn> =
            columns.filter(|column| ["person_id", "sealed_seed"].contains(&column.name.as_str())).collect();
        let rows = from.page(&columns, None, 1).await?;
        let Some([Some(person), Some(sealed)]) = rows.first().map(Vec::as_slice) else { continue };
        if !hex::decode(sealed).is_ok_and(|sealed| is_seed_sealed_with(keys.factors_key(), person, &sealed)) {
            return Err(MoveError::OtherSecretKey);
        }
    }
    Ok(())
}

/// Begins a move, or goes on with the one that was interrupted. Its id.
async fn begin(
    tables: &[MovedTable],
    nodes: &PostgresNodes,
    moves: &StoreMoves,
    file: &MoveFile,
    target: MoveTarget,
) -> Result<Uuid, MoveError> {
    if let Some((interrupted, id)) = file.read()?
        && moves.is_under_way(id).await?
    {
        return if interrupted == target { Ok(id) } else { Err(MoveError::OtherDirection(interrupted.as_str())) };
    }
    let is_into_database = moves.is_into_database().await?;
    if target == MoveTarget::Embedded && is_into_database == Some(true) {
        return Err(MoveError::OtherDirection(MoveTarget::Postgres.as_str()));
    }
    refuse_foreign_rows(tables, target).await?;
    if is_into_database.is_some() {
        return Err(MoveError::OtherMove);
    }
    let id = random_uuid()?;
    file.write(target, id)?;
    if !moves.begin(id, target == MoveTarget::Postgres).await? {
        file.remove()?;
        return Err(MoveError::OtherMove);
    }
    // A server that has started since, or a move that was quicker, did not see that this begins; from here on all do.
    let checks = async {
        refuse_running_servers(nodes).await?;
        refuse_foreign_rows(tables, target).await
    };
    if let Err(refused) = checks.await {
        moves.finish(id).await?;
        file.remove()?;
        return Err(refused);
    }
    Ok(id)
}

async fn refuse_running_servers(nodes: &PostgresNodes) -> Result<(), MoveError> {
    let nodes = nodes.nodes().await?;
    match nodes.into_iter().find(NodeReport::is_alive) {
        Some(node) => Err(MoveError::ServerRuns(node.name)),
        None => Ok(()),
    }
}

async fn refuse_foreign_rows(tables: &[MovedTable], target: MoveTarget) -> Result<(), MoveError> {
    for MovedTable { name, to, .. } in tables {
        let rows = to.count().await?;
        if rows > 0 && *name != COUNTER {
            return Err(MoveError::NotEmpty { table: name, rows, target });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
