//! The gateway: configuration, accounts, ledger, sync, conversion between MAPI and MIME, and the bridge to the fronts.

pub mod account;
pub mod admin;
pub mod autoconfig;
mod blocking;
pub mod bridge;
pub mod check;
pub mod cli;
pub mod config;
pub mod convert;
pub mod device;
pub mod ledger;
pub mod line;
pub mod login;
pub mod mailbox;
pub mod metric;
pub mod mutant;
pub mod oauth;
pub mod operation;
pub mod own_property;
pub mod service;
pub mod share;
pub mod sync;
pub mod telemetry;
pub mod tls;
mod web;
