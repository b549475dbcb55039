"""PostgreSQL behind the ports, for many web and worker nodes on one database."""
