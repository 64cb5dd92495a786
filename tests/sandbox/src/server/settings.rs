use std::time::Duration;

/// How the server behaves towards time and connections.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Delay before each answer.
    pub rtt: Duration,
    /// Time between PENDING keep-alives.
    pub pending_period: Duration,
    /// Idle time after which a session context goes.
    pub expiration: Duration,
    /// Time after which a NotificationWait ends without an event.
    pub wait_limit: Duration,
    /// Host and port in the URLs that Autodiscover gives out; what is not set is as the listener has it.
    pub public_host: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            rtt: Duration::ZERO,
            pending_period: Duration::from_secs(30),
            expiration: Duration::from_secs(15 * 60),
            wait_limit: Duration::from_secs(5 * 60),
            public_host: None,
        }
    }
}
