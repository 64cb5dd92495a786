use tokio::sync::watch;

/// When a load begins.
pub struct Start(watch::Receiver<bool>);

impl Start {
    pub fn new() -> (Self, watch::Sender<bool>) {
        let (sender, receiver) = watch::channel(false);
        (Self(receiver), sender)
    }

    /// Says that everything is ready, and waits until it may begin.
    pub async fn ready(mut self) {
        println!("ready");
        // There is no end before the process's own.
        let _ = self.0.wait_for(|go| *go).await;
    }
}
