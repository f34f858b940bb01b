const { stopRun } = require('devcluster/global-setup');

module.exports = () => stopRun();
