//! One user's attacks on the gateway, a process of its own, while another one uses it. What is judged is what the other one
//! gets served meanwhile, and what is left afterwards: counts, states and bytes.

mod append;
mod bystander;
mod connections;
mod core_dump;
mod memory;
mod pending;
mod search;
mod stage;
mod steps;
mod stop;
mod submission;
