//! What people look at: tables and pictures, functions of what is stored.
