use std::time::Duration;

use sqlx::{Database, Encode, QueryBuilder, Type};

use crate::domain::{EndReason, Person, PersonEpoch, PersonId, Timestamp};
use crate::store::RowId;

/// A credential of one kind as its store has it, a session or an API token: not yet judged by today's settings.
pub trait CredentialRecord: Send + Sync + Sized + 'static {
    /// Its id.
    type Id: RowId;
    /// The credential itself.
    type Credential: Send;
    /// The lifetimes that today's settings give to all of the kind.
    type Lifetimes: Copy + Send + Sync + 'static;

    /// The word for one in the log: `session`.
    const NAME: &'static str;
    /// The table of every engine.
    const TABLE: &'static str;
    /// The column that [`EndSelection::known_by`] is compared with.
    const KNOWN_AT: &'static str;

    /// Adds the condition for what has not expired at `now`.
    fn push_alive<DB: Database>(query: &mut QueryBuilder<DB>, lifetimes: Self::Lifetimes, now: Timestamp)
    where
        Timestamp: for<'q> Encode<'q, DB> + Type<DB>;

    /// Its id.
    fn id(&self) -> Self::Id;

    /// The person it rests on, as the store has them: JSON.
    fn into_person(self) -> Vec<u8>;

    /// Why it has ended; `None` when it has not, though it may have expired.
    fn end_reason(&self) -> Option<EndReason>;

    /// When it ends if nothing more is done, and from when on it grants nothing until its person is confirmed.
    fn expiry(&self, lifetimes: Self::Lifetimes) -> (Timestamp, Option<Timestamp>);

    /// How long one that was valid is trusted, at most, while the store cannot be asked.
    fn outage_grace(lifetimes: Self::Lifetimes) -> Duration;

    /// The credential, or what about the record cannot be read.
    ///
    /// # Errors
    /// The reason, for the log.
    fn decode(self, lifetimes: Self::Lifetimes) -> Result<Self::Credential, String>;
}

/// Which credentials to end: those for which all fields that are set hold, unless they have ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndSelection<Id> {
    /// This one.
    pub id: Option<Id>,
    /// Those of this person.
    pub person: Option<PersonId>,
    /// All but this one.
    pub kept: Option<Id>,
    /// Those that nothing later speaks for: sessions that had begun by then, whatever has been said since, and tokens that were last
    /// confirmed by then.
    pub known_by: Option<Timestamp>,
    /// Those that were made in an epoch before this one.
    pub made_before: Option<PersonEpoch>,
}

impl<Id> EndSelection<Id> {
    /// All of the kind.
    pub fn all() -> Self {
        Self { id: None, person: None, kept: None, known_by: None, made_before: None }
    }

    /// One alone.
    pub fn one(id: Id) -> Self {
        Self { id: Some(id), ..Self::all() }
    }

    /// Adds the conditions to those of a statement.
    pub(super) fn push<R: CredentialRecord<Id = Id>, DB: Database>(&self, query: &mut QueryBuilder<DB>)
    where
        Id: Copy + for<'q> Encode<'q, DB> + Type<DB>,
        String: for<'q> Encode<'q, DB> + Type<DB>,
        Timestamp: for<'q> Encode<'q, DB> + Type<DB>,
        PersonEpoch: for<'q> Encode<'q, DB> + Type<DB>,
    {
        let Self { id, person, kept, known_by, made_before } = self;
        if let Some(id) = id {
            query.push(" AND id = ").push_bind(*id);
        }
        if let Some(person) = person {
            query.push(" AND person_id = ").push_bind(person.as_str().to_owned());
        }
        if let Some(kept) = kept {
            query.push(" AND id <> ").push_bind(*kept);
        }
        if let Some(known_by) = known_by {
            query.push(format_args!(" AND {} <= ", R::KNOWN_AT)).push_bind(*known_by);
        }
        if let Some(made_before) = made_before {
            query.push(" AND epoch < ").push_bind(*made_before);
        }
    }
}

/// A batch of the people whom credentials rest on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeopleBatch {
    /// The people, each once.
    pub people: Vec<Person>,
    /// The person behind whom the next batch begins; `None` when there is nobody more.
    pub next_after: Option<PersonId>,
}

impl PeopleBatch {
    /// The batch of at most `limit` people from these rows, each of the credential, the person's id and the person as JSON, of which
    /// one more shows that there is somebody more. Who cannot be read is passed over, and logged.
    pub(super) fn read<R: CredentialRecord>(mut rows: Vec<(R::Id, String, Vec<u8>)>, limit: usize) -> Self {
        let has_more = rows.len() > limit;
        rows.truncate(limit);
        let next_after = rows.last().filter(|_| has_more).map(|(_, person_id, _)| PersonId::new(person_id));
        let person = |(id, _, person): (R::Id, String, Vec<u8>)| {
            let read = serde_json::from_slice(&person);
            read.inspect_err(|error| tracing::warn!(%id, %error, "the person of a {} cannot be read: passed over", R::NAME))
                .ok()
        };
        Self { people: rows.into_iter().filter_map(person).collect(), next_after }
    }
}
