//! A running gateway takes over another configuration and other files, and nobody is dropped.

mod certificates;
mod command_line;
mod files;
mod identity;
mod keys;
mod manager;
mod mistakes;
mod running;
mod stage;
