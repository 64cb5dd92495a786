use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

/// Warnings and errors that are remembered.
const MOST: usize = 100;
/// Bytes of each text of them.
const LONGEST: usize = 400;

/// Remembers the last warnings and errors that were logged.
#[derive(Debug, Clone, Default)]
pub struct Recent(Arc<Mutex<VecDeque<Incident>>>);

/// Something that was logged as a warning or an error.
#[derive(Debug, Clone)]
pub struct Incident {
    /// When.
    pub time: SystemTime,
    /// Whether it is an error.
    pub is_error: bool,
    /// What happened.
    pub message: String,
    /// Why.
    pub error: Option<String>,
    /// Whom it is about.
    pub user: Option<String>,
    /// The device that it is about.
    pub device: Option<String>,
}

impl Recent {
    /// The last ones, the newest first.
    pub fn incidents(&self) -> Vec<Incident> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().rev().cloned().collect()
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Recent {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let names = attributes.fields();
        if names.field("user").is_none() && names.field("device").is_none() {
            return;
        }
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        if let Some(span) = context.span(id) {
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            values.record(fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let level = *event.metadata().level();
        if level > Level::WARN {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        // What is further inside knows better.
        for span in context.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Fields>() {
                fields.user = fields.user.take().or_else(|| outer.user.clone());
                fields.device = fields.device.take().or_else(|| outer.device.clone());
            }
        }
        let Fields { message, error, user, device } = fields;
        let incident = Incident {
            time: SystemTime::now(),
            is_error: level == Level::ERROR,
            message: message.unwrap_or_default(),
            error,
            user,
            device,
        };
        let mut incidents = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if incidents.len() >= MOST {
            incidents.pop_front();
        }
        incidents.push_back(incident);
    }
}

#[derive(Debug, Default)]
struct Fields {
    message: Option<String>,
    error: Option<String>,
    user: Option<String>,
    device: Option<String>,
}

impl Fields {
    fn set(&mut self, field: &Field, value: &dyn fmt::Display) {
        let slot = match field.name() {
            "message" => &mut self.message,
            "error" => &mut self.error,
            "user" => &mut self.user,
            "device" => &mut self.device,
            _ => return,
        };
        let mut text = Short(String::new());
        // It ends with an error where it is cut.
        let _ = write!(text, "{value}");
        *slot = Some(text.0);
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, &value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, &format_args!("{value:?}"));
    }
}

/// A text that is cut where it is too long.
struct Short(String);

impl Write for Short {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if self.0.len() >= LONGEST {
                self.0.push('…');
                return Err(fmt::Error);
            }
            self.0.push(character);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn the_last_ones_are_remembered_with_whom_they_are_about() {
        let recent = Recent::default();
        let subscriber = tracing_subscriber::registry().with(recent.clone());
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("imap", user = tracing::field::Empty);
            span.record("user", "alice@example.test");
            span.in_scope(|| {
                tracing::info!("nothing of importance");
                tracing::warn!(error = %"no answer", "it failed");
                tracing::debug_span!("inner", user = "bob@example.test")
                    .in_scope(|| tracing::error!("it failed again"));
            });
            for _ in 0..MOST - 1 {
                tracing::warn!(error = "x".repeat(2 * LONGEST), "once more");
            }
        });
        let incidents = recent.incidents();
        assert_eq!(incidents.len(), MOST);
        let first = incidents.last().expect("there");
        assert_eq!((first.message.as_str(), first.user.as_deref()), ("it failed again", Some("bob@example.test")));
        assert!(first.is_error && first.error.is_none());
        assert!(
            incidents[0].user.is_none() && incidents[0].error.as_ref().is_some_and(|text| text.len() < LONGEST + 9)
        );
    }
}
