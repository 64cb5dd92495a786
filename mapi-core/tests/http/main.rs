//! What goes over sockets, against a scripted server, and what a real server answered.

mod address_book;
mod autodiscover;
mod busy;
mod client;
mod deadline;
mod integrated;
mod recorded;
mod server;
