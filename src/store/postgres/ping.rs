use super::{PostgresDatabase, PostgresFailure, PostgresTransaction};
use crate::store::StoreError;

impl PostgresDatabase {
    /// Asks the database whether it can be written to.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot, or does not answer in time.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.ask().await.map_err(|failure| self.error(Self::KIND, failure))?
    }

    /// Likewise, past any pooler.
    ///
    /// # Errors
    /// [`StoreError`], likewise.
    pub async fn ping_directly(&self) -> Result<(), StoreError> {
        let connected = self.direct().connect().await;
        connected.map(drop).map_err(|failure| self.error(Self::KIND, failure))
    }

    async fn ask(&self) -> Result<Result<(), StoreError>, PostgresFailure> {
        let mut connection = PostgresTransaction::begin(self, Self::KIND, self.is_pooled()).await?;
        let query = sqlx::query_as("SELECT current_setting('transaction_read_only')");
        let answer: Result<(String,), _> = connection.fetch_one(query).await;
        match answer {
            Ok((read_only,)) if read_only == "off" => Ok(connection.commit().await),
            Ok(_) => Err(PostgresFailure::ReadOnly),
            Err(error) => Ok(Err(error)),
        }
    }
}
