const { startRun } = require('devcluster/global-setup');

module.exports = () => startRun({ nodes: 1 });
