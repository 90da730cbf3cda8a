use super::SourceError;

/// The most bytes of JSON that rows become, beside twice those of what they are read from: each row has all keys of the header again,
/// and many cells may refer to one long text.
const MAX_JSON_BYTES: usize = 16 * 1024 * 1024;

/// The most bytes of JSON that the rows in so many bytes may become.
pub(super) fn max_json_bytes(bytes: usize) -> usize {
    MAX_JSON_BYTES.saturating_add(2 * bytes)
}

/// A JSON array of objects that is written row by row, up to a size.
pub(super) struct JsonRows {
    json: Vec<u8>,
    max_bytes: usize,
}

impl JsonRows {
    /// An array without rows, which may have at most so many bytes.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { json: vec![b'['], max_bytes }
    }

    /// Writes a row of keys and cells, which are JSON, for the rows of `origin`, as error messages name it.
    ///
    /// # Errors
    /// [`SourceError::TooLarge`] when all of them together are too large.
    pub(super) fn push<Cell: AsRef<[u8]>>(
        &mut self,
        row: impl IntoIterator<Item = (impl AsRef<[u8]>, Cell)>,
        origin: &str,
    ) -> Result<(), SourceError> {
        self.json.extend_from_slice(if self.json.len() == 1 { b"{" } else { b",{" });
        for (place, (key, cell)) in row.into_iter().enumerate() {
            self.json.extend_from_slice(if place == 0 { b"" } else { b"," });
            self.json.extend_from_slice(key.as_ref());
            self.json.push(b':');
            self.json.extend_from_slice(cell.as_ref());
        }
        self.json.push(b'}');
        if self.json.len() > self.max_bytes {
            let message = format!("{origin} has too many rows for columns with such long names");
            return Err(SourceError::TooLarge(message));
        }
        Ok(())
    }

    /// The whole array.
    pub(super) fn into_json(mut self) -> Vec<u8> {
        self.json.push(b']');
        self.json
    }
}
