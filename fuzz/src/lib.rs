//! A hostile directory server, for the fuzz targets. The program's own tests play the kept corpus through it too.

pub mod hostile;
