export { folderStage } from './folder-stage.ts'
