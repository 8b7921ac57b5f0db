"""Workers: processes or actors that do pieces of a job, and the driver that hands them out."""
