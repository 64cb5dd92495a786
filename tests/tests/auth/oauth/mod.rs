//! OAuth 2.0: access tokens that clients bring, and those that the gateway gets for devices.

mod clients;
mod devices;
mod sign_in;
mod stack;
