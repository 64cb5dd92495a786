//! What goes over sockets, against a scripted server, and what a real server answered.

mod autodiscover;
mod client;
mod server;
