use super::answer::Style;
use super::context::Contexts;
use super::{Auth, Counters, Settings};
use crate::fault::Faults;
use crate::store::SharedStore;

/// What all connections share.
pub struct Service {
    /// The mail.
    pub store: SharedStore,
    /// Session contexts of both endpoints.
    pub contexts: Contexts,
    /// What is counted.
    pub counters: Counters,
    /// How users sign in.
    pub auth: Auth,
    /// What goes wrong on purpose.
    pub faults: Faults,
    /// Time and connections.
    pub settings: Settings,
    /// How answers are written.
    pub style: Style,
    /// `https://host:port`.
    pub base_url: String,
}
