//! Whose a name is.
