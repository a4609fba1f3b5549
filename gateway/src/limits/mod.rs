//! Budgets and caps per certificate.
