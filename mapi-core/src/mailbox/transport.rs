use async_trait::async_trait;

use crate::client::{Client, ClientError};

/// What a [`super::Mailbox`] needs of a connection: a session context that runs one Execute at a time and says when the
/// outcome of a request is unknown.
#[async_trait]
pub trait ExecuteChannel: Send + Sync + 'static {
    /// Runs one Execute request: `payload` is RopSize, ROPs and handle table, at most 32 KiB. Returns the payloads of the
    /// answer, unpacked. Waits its turn if another Execute is under way.
    async fn execute(&self, payload: Vec<u8>, options: ExecuteOptions) -> Result<Vec<Vec<u8>>, ClientError>;

    /// Waits until the server says that notifications are queued (`true`) or that it is time to look around (`false`).
    /// Runs beside [`ExecuteChannel::execute`].
    async fn wait(&self) -> Result<bool, ClientError>;

    /// Ends the session context; says whether the server has ended it, too, and with it whatever it did for it.
    async fn close(&self) -> bool;
}

/// How an Execute request is to be answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExecuteOptions {
    /// The server may repeat the last ROP and send several payloads.
    pub chain: bool,
    /// Most bytes of the answer.
    pub max_rop_out: u32,
}

/// One session context of a client. It ends with the context: a later one knows nothing of the handles of this.
pub(super) struct SessionTransport {
    client: Client,
    generation: u64,
}

impl SessionTransport {
    /// The context that is open now.
    pub(super) fn new(client: Client) -> Self {
        Self { generation: client.generation(), client }
    }

    fn check(&self) -> Result<(), ClientError> {
        match self.client.generation() == self.generation {
            true => Ok(()),
            false => Err(ClientError::ContextLost(None)),
        }
    }
}

#[async_trait]
impl ExecuteChannel for SessionTransport {
    async fn execute(&self, payload: Vec<u8>, options: ExecuteOptions) -> Result<Vec<Vec<u8>>, ClientError> {
        self.check()?;
        self.client.execute(payload, options.max_rop_out, options.chain).await
    }

    async fn wait(&self) -> Result<bool, ClientError> {
        self.check()?;
        self.client.wait().await
    }

    async fn close(&self) -> bool {
        // It ends here whatever the server says, and there by itself after a while.
        let ended = match self.check() {
            Ok(()) => self.client.disconnect().await,
            Err(error) => Err(error),
        };
        ended.inspect_err(|error| tracing::debug!(%error, "session context left behind")).is_ok()
    }
}
