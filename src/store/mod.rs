//! Files of our own: what must last over a restart, in SQLite.
//!
//! A [`Store`] is one file with its tables brought up to date, made for its owner alone. The rooms above keep their own
//! file each and their own tables in it; this room knows none of them. A store that cannot be read is a [`StoreError`],
//! never an empty answer.

mod error;
mod open;
mod pen;

pub use error::StoreError;
pub use open::{Kind, Store};
pub use pen::HeldPen;
