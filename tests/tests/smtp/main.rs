//! The whole gateway, and its SMTP server alone, as SMTP clients see them.

mod delivered;
mod smtp_devices;
mod smtp_dialogues;
mod submission;
