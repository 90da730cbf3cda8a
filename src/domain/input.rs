use std::collections::BTreeMap;

use super::InputName;

/// A control on a page, whose value its panels' queries and texts use.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its name: in the address, and between the braces of a placeholder.
    pub name: InputName,
    /// The text beside it.
    pub label: String,
    /// The kind of control.
    pub kind: InputKind,
    /// The choices; never empty, values distinct.
    pub options: Vec<InputOption>,
    /// The index in `options` of the initial choice.
    pub default: usize,
}

/// The kind of control that an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputKind {
    /// A drop-down list.
    Dropdown,
    /// Radio buttons.
    Radio,
}

/// One choice of an input.
#[derive(Clone, Debug)]
pub struct InputOption {
    /// The value in the URL and for `{name}`.
    pub value: String,
    /// The text that people read.
    pub label: String,
    /// Further fields, for `{name.field}`. Every option of an input has the same ones.
    pub fields: BTreeMap<String, String>,
}
