use crate::line::error::UpstreamError;

/// Runs blocking work (the ledger's, conversions) off the async threads.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, UpstreamError> {
    let ended = |error| UpstreamError::Internal(format!("a blocking task ended: {error}"));
    tokio::task::spawn_blocking(work).await.map_err(ended)
}
