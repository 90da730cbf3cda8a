use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::timeout;

use super::server::ServerProbe;
use crate::config::ServerAddress;
use crate::directory::connection::dial::Dialler;
use crate::directory::connection::fault::{OperationFault, OperationKind};
use crate::directory::connection::root_dse;

/// Probes servers: opens a new connection and reads the RootDSE, within three quarters of the dial deadline. Together
/// with the quarter that passes before anybody becomes suspicious, that is one dial deadline.
pub(in crate::directory) struct Prober {
    pub(in crate::directory) dialler: Arc<Dialler>,
    pub(in crate::directory) dial_timeout: Duration,
}

#[async_trait]
impl ServerProbe for Prober {
    async fn probe(&self, address: &ServerAddress) -> Result<(), OperationFault> {
        let within = self.dial_timeout * 3 / 4;
        let asked = async {
            let mut connection = self.dialler.dial(address).await?;
            root_dse::ping(&mut connection).await
        };
        match timeout(within, asked).await {
            Ok(answer) => answer,
            Err(_elapsed) => {
                let reason = format!("no answer within {within:.1?} (dial_timeout)");
                Err(OperationFault::connection_failed(OperationKind::Dial, reason))
            }
        }
    }
}
