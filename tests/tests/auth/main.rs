//! Who is let in and how, and what users and administrators are told if not.

mod autodiscover;
mod check;
mod logins;
mod oauth;
mod signin;
